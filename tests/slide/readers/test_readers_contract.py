"""What every reader promises, whatever its format. A new reader is tested automatically."""

from itertools import pairwise

import numpy as np
import pytest

from wsi_scale.slide.readers import all_readers


@pytest.fixture(params=all_readers(), ids=str)
def slide(request, tmp_path):
    module = all_readers()[request.param]
    with module.open(module.example(tmp_path)) as opened:
        yield opened


def test_level_zero_is_the_finest(slide):
    assert slide.levels[0].downsample == 1
    assert all(a.downsample < b.downsample for a, b in pairwise(slide.levels))


def test_outside_the_canvas_is_background_never_black(slide):
    outside = slide.read(0, -40, -30, 20, 10)
    assert outside.shape == (10, 20, 3)
    assert outside.dtype == np.uint8
    assert (outside == slide.background).all()


def test_a_window_reads_the_same_pixels_alone_and_inside_a_larger_one(slide):
    whole = slide.read(0, 3, 5, 60, 40)
    assert (slide.read(0, 13, 25, 20, 10) == whole[20:30, 10:30]).all()


def test_closing_twice_is_harmless(slide):
    slide.close()
    slide.close()
