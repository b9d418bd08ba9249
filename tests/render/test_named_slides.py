"""The table of a batch: which slides, what is wrong with them, and where to read on."""

import io
import re

import numpy as np
import pytest
from PIL import Image

from wsi_scale.batch.row import failed_row
from wsi_scale.batch.summary import summarize
from wsi_scale.geometry import Box
from wsi_scale.render.named_slides import Look, slide_table, thumbnail
from wsi_scale.sites.overview import Overview


def row(path, verdict="ok", **more):
    about = {"path": path, "cohort": "A", "scanner": "aperio 20×", "error": None}
    return failed_row("slide", "") | about | {"verdict": verdict, "scale": 2.0} | more


ROWS = (
    row("/s/good.svs", reason="one clear best scale"),
    row("/s/odd.svs", "outside", reason="unlike the training data"),
    failed_row("slide", "it is torn") | {"path": "/s/bad.svs", "cohort": "B", "scanner": None},
)


def names(text):
    return re.findall(r'class="name" title="/s/(\w+)\.svs"', text)


def test_those_that_are_not_ok_come_first_and_say_why():
    text = slide_table(summarize(ROWS))
    assert names(text) == ["bad", "odd", "good"]
    for words in ("it is torn", "unlike the training data", ">outside<", ">failed<"):
        assert words in text


def test_both_pixel_sizes_stand_side_by_side():
    told = {"slide.mpp": [0.25, 0.25], "ruler.slide_mpp": 0.5, "ruler.slide_mpp_from": "ruler"}
    text = slide_table(summarize([row("/s/a.svs", **told)]))
    assert 'data-name="µm/px stated">0.250<' in text
    assert 'data-name="µm/px by the ruler">0.500<' in text


def test_what_the_network_implies_is_not_called_the_rulers():
    told = {"ruler.slide_mpp": 0.5, "ruler.slide_mpp_from": "network"}
    text = slide_table(summarize([row("/s/a.svs", **told)]))
    assert 'data-name="µm/px by the ruler">–<' in text


def test_a_slide_shows_itself_and_leads_to_its_page():
    seen = Overview(np.full((300, 600, 3), 120, np.uint8), Box(0, 0, 6000, 3000))
    small = thumbnail(seen)
    with Image.open(io.BytesIO(small)) as picture:
        assert picture.size == (160, 80)
    looks = {"/s/good.svs": Look(small, "slides/good%20one.html")}
    text = slide_table(summarize(ROWS), looks)
    assert 'href="slides/good%20one.html"' in text
    assert text.count("data:image/jpeg;base64,") == 1


@pytest.mark.parametrize("nasty", ["<b>", '"onload=x', "a'b&amp;"])
def test_names_are_text_and_never_markup(nasty):
    text = slide_table(
        summarize([row(f"/s/{nasty}.svs", cohort=nasty, scanner=nasty, reason=nasty)])
    )
    assert nasty not in text.replace("&amp;amp;", "")


def test_each_cohort_scanner_and_verdict_can_be_chosen():
    text = slide_table(summarize(ROWS))
    for choice in ("A", "B", "aperio 20×", "unknown", "ok", "outside", "failed"):
        assert f'<option value="{choice}">' in text
