"""Every number of an answer, by name: for the page and the dock."""

import pytest

from wsi_scale.render.numbers import key_numbers

SEEN = {
    "slide_mpp": 0.529,
    "slide_mpp_interval": (0.43, 0.652),
    "verdict": "ambiguous",
    "reason": "one image in ten is further off",
}
LABEL = "Slide pixel size that the tissue suggests"


@pytest.mark.parametrize(("status", "doubted"), [("agree", False), ("undecidable", True)])
def test_a_size_that_the_file_confirms_is_not_in_doubt(make_report, status, doubted):
    pixels = {
        "status": status,
        "claimed_mpp": 0.499,
        "claimed_source": "aperio.MPP",
        "slide_mpp": 0.529,
        "slide_mpp_interval": (0.43, 0.652),
        "octaves": -0.08,
        "fields": [],
        "reason": "the tissue was compared",
    }
    rows = dict(key_numbers(make_report(ruler=SEEN, pixels=pixels)))
    assert rows[LABEL].startswith("0.529 µm per pixel (0.430–0.652)")
    assert rows[LABEL].endswith(", ambiguous") is doubted
    assert ("Why the slide's pixel size is in doubt" in rows) is doubted
