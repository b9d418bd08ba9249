"""Units of length, whatever a format calls them."""

import pytest

from wsi_scale.slide.lengths import um_per

MICRO, MU = "\N{MICRO SIGN}", "\N{GREEK SMALL LETTER MU}"


@pytest.mark.parametrize(
    ("unit", "um"),
    [
        *((name, 1.0) for name in (f"{MICRO}m", f"{MU}m", "um", "micron", "microns", "Micrometre")),
        *((name, 1.0) for name in (r"\u00B5m", r"\u00b5m", "\u00c2\u00b5m", " micrometer ")),
        *((name, 1e3) for name in ("mm", "millimeter", "MILLIMETERS")),
        *((name, 1e-3) for name in ("nm", "nanometer", "nanometres")),
        *((name, 25400.0) for name in ("inch", "inches", "in", "INCH", '"')),
        ("cm", 1e4),
        ("pm", 1e-6),
        ("m", 1e6),
        ("\N{ANGSTROM SIGN}", 1e-4),
        ("angstrom", 1e-4),
        ("pt", 25400 / 72),
        *((name, None) for name in ("pixel", "reference frame", "", "Mm ", "none", "s", "second")),
    ],
)
def test_every_name_of_a_unit_means_the_same_length(unit, um):
    assert um_per(unit) == (None if um is None else pytest.approx(um))
