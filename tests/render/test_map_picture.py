"""The map as a picture: colours tell scales, stripes doubt, grey nothing."""

import io

import numpy as np
from PIL import Image

from wsi_scale.geometry import Box
from wsi_scale.judgement.places import MapTile, ScaleMap
from wsi_scale.plumbing.colour_ramp import colour_of
from wsi_scale.render.map_picture import map_headline, map_picture
from wsi_scale.sites.overview import Overview

WHOLE = Box(0, 0, 1200, 400)


def tile(column, scale, verdict="ok"):
    interval = None if scale is None else (scale / 1.1, scale * 1.1)
    return MapTile(Box(400 * column, 0, 400, 400), scale, interval, verdict, "", 16)


def drawn(*tiles):
    found = ScaleMap("a.svs", "figures", WHOLE, tiles, len(tiles), 0.9)
    seen = Overview(np.full((100, 300, 3), 255, np.uint8), WHOLE)
    return np.asarray(Image.open(io.BytesIO(map_picture(found, seen))).convert("RGB")).astype(int)


def share_near(picture, colour):
    """Share of the picture in a colour that lies 72 % opaque on white."""
    seen = 0.72 * np.array(colour) + 0.28 * 255
    return float((np.abs(picture - seen).max(axis=-1) < 6).mean())


def test_two_scales_have_two_colours_and_no_number_is_grey():
    picture = drawn(tile(0, 2.0), tile(1, 4.0), tile(2, None, "flat"))
    fine, coarse = colour_of(2.0, (2.0, 4.0)), colour_of(4.0, (2.0, 4.0))
    assert share_near(picture, fine) > 0.05
    assert share_near(picture, coarse) > 0.05
    grey = np.abs(picture - 224).max(axis=-1) < 6
    assert grey.mean() > 0.05


def test_an_answer_that_is_not_ok_is_striped():
    plain, striped = drawn(tile(0, 2.0)), drawn(tile(0, 2.0, "outside"))
    colour = colour_of(2.0, (2**0.5, 2**1.5))
    assert share_near(striped, colour) < 0.97 * share_near(plain, colour)


def test_the_headline_counts_what_has_a_number():
    tiles = (tile(0, 2.0), tile(1, 4.1, "outside"), tile(2, None, "flat"))
    found = ScaleMap("a.svs", "figures", WHOLE, tiles, 4, 0.9)
    assert map_headline(found) == "scales 2 to 4.1 in 2 of 3 tiles, 1 ok; stopped after 3 of 4"
    doubtful = ScaleMap("a.svs", "figures", WHOLE, tiles[1:], 2, 0.9)
    assert map_headline(doubtful) == "scales 4.1 to 4.1 in 1 of 2 tiles, none sure by itself"
