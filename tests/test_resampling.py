"""Sub-pixel boxes, resized: laws, hand-computed truths, and Pillow beside them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from wsi_scale.resampling import Source, cubic

NOISE = np.random.default_rng(0).integers(64, 193, (90, 120, 3), dtype=np.uint8)
"""Of so little contrast that the kernel's overshoot stays within 0–255: Pillow cuts it off between
its passes, and a matrix product does not."""


def by_pillow(pixels, box, width, height):
    bicubic = Image.Resampling.BICUBIC
    return np.asarray(Image.fromarray(pixels).resize((width, height), bicubic, box=box))


def apart(one, other):
    return np.abs(one.astype(int) - other).max()


def test_the_kernel_by_hand():
    """(1.5 · 0.5 − 2.5) · 0.25 + 1 = 0.5625; ((−0.75 + 2.5) · 1.5 − 4) · 1.5 + 2 = −0.0625."""
    x = np.array([0, 0.5, -0.5, 1, 1.5, 2, 3], np.float32)
    assert cubic(x).tolist() == [1, 0.5625, 0.5625, 0, -0.0625, 0, 0]


@given(
    left=st.floats(0, 40),
    top=st.floats(0, 40),
    across=st.floats(0.3, 1.99),
    down=st.floats(0.3, 1.99),
    width=st.integers(1, 40),
    height=st.integers(1, 25),
)
def test_up_to_a_ratio_of_two_it_is_what_pillow_makes(left, top, across, down, width, height):
    """Pillow rounds between its two passes, so a grey level may differ."""
    box = (left, top, min(left + across * width, 120), min(top + down * height, 90))
    assert apart(Source(NOISE).cut(box, width, height), by_pillow(NOISE, box, width, height)) <= 1


@pytest.mark.parametrize(("ratio", "times"), [(2, 1), (3.99, 1), (4, 2), (7.5, 2), (8, 3)])
def test_beyond_it_is_what_pillow_makes_of_a_halved_image(ratio, times):
    side = 11 * ratio
    box = (1.3, 0.7, 1.3 + side, 0.7 + side)
    halved = Image.fromarray(NOISE)
    for _ in range(times):
        halved = halved.reduce(2)
    smaller = tuple(edge / 2**times for edge in box)
    expected = by_pillow(np.asarray(halved), smaller, 11, 11)
    assert apart(Source(NOISE).cut(box, 11, 11), expected) <= 1


def test_pixels_that_fit_are_copied():
    found = Source(NOISE).cut((7, 5, 7 + 50, 5 + 33), 50, 33)
    assert np.array_equal(found, NOISE[5:38, 7:57])


@given(st.floats(0.4, 7), st.integers(0, 255), st.floats(0, 5))
def test_one_colour_stays_that_colour_at_the_rim_too(ratio, grey, left):
    plain = np.full((60, 60, 3), grey, np.uint8)
    count = int((60 - left) / ratio)
    box = (left, 0, left + count * ratio, count * ratio)
    assert (Source(plain).cut(box, count, count) == grey).all()


def test_a_slope_is_met_between_pixels():
    """2 grey levels a pixel; at a new pixel's middle, 1.5 + 0.7·i px from the edge, that is
    2 · (middle − 0.5), since pixel 0 has its middle at 0.5."""
    slope = np.repeat(2 * np.arange(100, dtype=np.uint8)[None, :, None], 3, axis=2)
    found = Source(np.repeat(slope, 50, axis=0)).cut((20.15, 10, 20.15 + 42, 40), 60, 30)
    middles = 20.15 + (np.arange(60) + 0.5) * 0.7
    assert np.abs(found[0, :, 0] - 2 * (middles - 0.5)).max() <= 0.5 + 1e-4


@given(st.floats(0.5, 3), st.integers(1, 20))
def test_a_mirrored_image_gives_the_mirrored_patch(ratio, count):
    side = ratio * count
    left = (120 - side) / 2
    box = (left, 3.25, left + side, 3.25 + side)
    if side > 80:
        return
    straight, mirrored = Source(NOISE).cut(box, count, count), Source(NOISE[:, ::-1])
    assert apart(mirrored.cut(box, count, count)[:, ::-1], straight) <= 1


def test_what_was_kept_for_one_box_does_not_serve_another():
    """The same ratio and fraction, first in the middle and then at the rim."""
    source = Source(NOISE)
    for left in (40.5, 0.5, 95.5, 40.5):
        box = (left, left / 2, left + 24, left / 2 + 24)
        assert apart(source.cut(box, 16, 16), by_pillow(NOISE, box, 16, 16)) <= 1
