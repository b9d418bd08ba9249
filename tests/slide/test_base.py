"""The interface of every slide: what it refuses, and what its defaults are."""

import numpy as np
import pytest

from wsi_scale import open_slide
from wsi_scale.errors import SlideError
from wsi_scale.geometry import Level
from wsi_scale.slide.readers._levels import bounds_of, colour_of, pick_levels, same_image
from wsi_scale.testing import disc_image, painted_levels, slide_in_memory


@pytest.fixture
def slide():
    with slide_in_memory(painted_levels()) as opened:
        yield opened


@pytest.mark.parametrize("level", [-1, 4, 99])
def test_a_level_that_is_not_there_is_refused(slide, level):
    with pytest.raises(SlideError, match="has levels 0 to 3"):
        slide.read(level, 0, 0, 5, 5)


def test_a_window_is_whole_pixels(slide):
    with pytest.raises(SlideError, match="whole pixels"):
        slide.read(0, 0.5, 0, 5, 5)
    assert slide.read(0, np.int64(3), 0, 5, 5).shape == (5, 5, 3)


def test_an_empty_window_is_refused(slide):
    with pytest.raises(SlideError, match="at least 1 × 1"):
        slide.read(0, 0, 0, 0, 5)


def test_a_window_far_outside_is_all_background(slide):
    assert (slide.read(2, 10_000, -10_000, 6, 4) == slide.background).all()


def test_leaving_the_context_closes_the_slide():
    with open_slide(disc_image(20)) as slide:
        pass
    with pytest.raises(SlideError, match="is closed"):
        slide.read(0, 0, 0, 1, 1)


def test_a_thumbnail_shows_the_whole_canvas(slide):
    thumbnail = slide.thumbnail(60)
    assert thumbnail.shape == (50, 60, 3)
    assert (thumbnail == painted_levels()[2][0, 0]).all()


@pytest.mark.parametrize(
    ("size", "same"),
    [((37, 31), True), ((75, 62), True), ((1, 1), True), ((40, 20), False), ((100, 250), False)],
)
def test_a_level_is_the_same_image_when_rounding_explains_its_aspect(size, same):
    assert same_image(300, 250, *size) is same


def test_levels_are_sorted_and_keep_their_number_in_the_library():
    sizes, downsamples = [(800, 400), (100, 50), (400, 200), (90, 90)], [1.0, 8.0, 2.0, 6.7]
    levels, numbers = pick_levels(sizes, downsamples)
    assert levels == (Level(800, 400, 1.0), Level(400, 200, 2.0), Level(100, 50, 8.0))
    assert numbers == (0, 2, 1)


def test_bounds_are_cut_to_the_canvas():
    said = {
        "a.bounds-x": "100",
        "a.bounds-y": "-5",
        "a.bounds-width": "900",
        "a.bounds-height": "50",
    }
    assert bounds_of(said, "a", Level(800, 400, 1.0)) == (100, 0, 700, 45)


@pytest.mark.parametrize("width", ["0", "-9", "wide", None])
def test_bounds_that_say_nothing_are_the_whole_canvas(width):
    said = {"a.bounds-x": "0", "a.bounds-y": "0", "a.bounds-height": "50"}
    said |= {} if width is None else {"a.bounds-width": width}
    assert bounds_of(said, "a", Level(800, 400, 1.0)) == (0, 0, 800, 400)


def test_a_background_colour_is_six_hexadecimal_digits():
    assert colour_of({"c": "FF8000"}, "c") == (255, 128, 0)
    assert colour_of({"c": "#FF8000"}, "c") == (255, 128, 0)
    for nonsense in ({}, {"c": "white"}, {"c": "FF"}, {"c": "FF80000000"}):
        assert colour_of(nonsense, "c") is None
