"""Resized windows with fractional edges: laws, values computed by hand, and Pillow's results."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from wsi_scale.slide.read_plan import Window
from wsi_scale.slide.resampling import cubic, cut_windows

NOISE = np.random.default_rng(0).integers(64, 193, (90, 120, 3), dtype=np.uint8)
"""Its contrast is so low that the kernel's overshoot stays within 0–255. Pillow would clip it
between its passes, a matrix product would not."""

SMOOTH = np.asarray(Image.fromarray(NOISE).resize((600, 450), Image.Resampling.BICUBIC))


def cut(pixels, *windows, size):
    """Patches (K, size, size, 3) of windows (left, top, side)."""
    out = np.empty((len(windows), 3, size, size), np.uint8)
    asked = [Window(i, 1.0, *window, upsampled=False) for i, window in enumerate(windows)]
    cut_windows(pixels, asked, out)
    return out.transpose(0, 2, 3, 1)


def by_pillow(pixels, window, size):
    left, top, side = window
    box = (left, top, left + side, top + side)
    resized = Image.fromarray(pixels).resize((size, size), Image.Resampling.BICUBIC, box=box)
    return np.asarray(resized).astype(int)


def psnr(one, other):
    return 10 * np.log10(255**2 / ((one.astype(float) - other) ** 2).mean())


def test_the_kernel_by_hand():
    """(1.5 · 0.5 − 2.5) · 0.25 + 1 = 0.5625; ((−0.75 + 2.5) · 1.5 − 4) · 1.5 + 2 = −0.0625."""
    x = np.array([0, 0.5, -0.5, 1, 1.5, 2, 3])
    assert cubic(x).tolist() == [1, 0.5625, 0.5625, 0, -0.0625, 0, 0]


@given(
    left=st.floats(0, 100),
    top=st.floats(0, 70),
    ratio=st.floats(0.3, 1.99),
    size=st.integers(1, 40),
)
def test_up_to_a_ratio_of_two_it_is_what_pillow_makes(left, top, ratio, size):
    """Pillow rounds between its two passes, and a phase is up to 1/256 px off.

    Each makes one grey level, in noise that differs by up to 128 between neighbouring pixels.
    """
    side = min(ratio * size, 120 - left, 90 - top)
    found = cut(NOISE, (left, top, side), size=size)[0]
    assert np.abs(found - by_pillow(NOISE, (left, top, side), size)).max() <= 2


def test_beyond_a_ratio_of_two_it_comes_nearer_to_pillow_than_halving_first_would():
    for ratio in (2.1, 2.3, 2.83, 3.9, 4, 5.7, 7.9):
        side = 50 * ratio
        window = (11.3, 7.8, side)
        true = by_pillow(SMOOTH, window, 50)
        halved, edges = Image.fromarray(SMOOTH), np.array(window)
        while edges[2] >= 102.6:
            halved, edges = halved.reduce(2), edges / 2
        naive = by_pillow(np.asarray(halved), edges.tolist(), 50)
        found = psnr(cut(SMOOTH, window, size=50)[0], true)
        assert found > 40, ratio
        assert found > psnr(naive, true) + 1, ratio


def test_a_wave_finer_than_a_new_pixel_is_gone_and_a_coarse_one_is_kept():
    """At a ratio of 3.5, a period of 3 px is noise and one of 28 px is eight new pixels."""
    x = np.arange(400) + 0.5
    for period, least, most in ((3, 0, 8), (28, 94, 101)):
        wave = 128 + 100 * np.sin(2 * np.pi * x / period)
        image = np.repeat(np.tile(wave.round().astype(np.uint8), (400, 1))[..., None], 3, axis=2)
        row = cut(image, (20.4, 20.4, 350), size=100)[0][50, :, 0].astype(float)
        assert least <= (row.max() - row.min()) / 2 <= most, period


def test_pixels_that_fit_are_copied():
    assert np.array_equal(cut(NOISE, (7, 5, 50), size=50)[0], NOISE[5:55, 7:57])


def test_windows_of_any_size_do_not_disturb_each_other():
    windows = [(1.2, 3.4, 10), (30.5, 2.25, 85), (0, 0, 90), (50.1, 40.7, 20), (2.6, 1.1, 44)]
    together = cut(NOISE, *windows, size=20)
    for window, patch in zip(windows, together, strict=True):
        assert np.array_equal(patch, cut(NOISE, window, size=20)[0])


@given(st.floats(0.4, 7), st.integers(0, 255), st.floats(0, 5))
def test_one_colour_stays_that_colour_at_the_rim_too(ratio, grey, left):
    plain = np.full((61, 61, 3), grey, np.uint8)
    count = int((61 - left) / ratio)
    assert (cut(plain, (left, 0, count * ratio), size=count) == grey).all()


@pytest.mark.parametrize("ratio", [0.7, 1.9, 2, 2.7, 3.9, 4, 4.4])
def test_a_slope_is_met_between_pixels(ratio):
    """A slope of 2 grey levels per pixel.

    The centre of new pixel i is at left + (i + 0.5) · ratio. The grey there is 2 · (centre − 0.5),
    because the centre of pixel 0 is at 0.5.
    """
    slope = np.repeat(2 * np.arange(128, dtype=np.uint8)[None, :, None], 3, axis=2)
    found = cut(np.repeat(slope, 128, axis=0), (12.15, 10, 20 * ratio), size=20)[0]
    middles = 12.15 + (np.arange(20) + 0.5) * ratio
    assert np.abs(found[10, :, 0] - 2 * (middles - 0.5)).max() <= 0.5 + 2 / 256 + 1e-4


@given(st.floats(0.5, 3.9), st.integers(1, 20))
def test_a_mirrored_image_gives_the_mirrored_patch(ratio, size):
    side = ratio * size
    window = ((600 - side) / 2, 3.25, side)
    straight, mirrored = cut(SMOOTH, window, size=size), cut(SMOOTH[:, ::-1], window, size=size)
    allowed = 2 if ratio < 2.04 else 6  # the mirror image may pair other pixels
    assert np.abs(mirrored[0][:, ::-1].astype(int) - straight[0]).max() <= allowed


@pytest.mark.parametrize("side", [103, 135, 207, 399])
@pytest.mark.parametrize("ratio", [4.15, 8.3])
def test_the_last_row_and_column_of_an_odd_image_are_seen(side, ratio):
    """Half-size copies use every pixel: a bright rim on black is as bright as with Pillow."""
    image = np.zeros((side, side, 3), np.uint8)
    image[-3:], image[:, -3:] = 200, 200
    size = int(side / ratio)
    window = (side - size * ratio, side - size * ratio, size * ratio)
    found, true = cut(image, window, size=size)[0].astype(int), by_pillow(image, window, size)
    assert np.abs(found[-1] - true[-1]).max() <= 30
    assert np.abs(found[:, -1] - true[:, -1]).max() <= 30


def test_what_was_kept_for_one_window_does_not_serve_another():
    """The same ratio and phase, first in the middle and then at the rim."""
    for left in (40.5, 0.5, 95.5, 40.5):
        window = (left, left / 2, 24)
        assert np.abs(cut(NOISE, window, size=16)[0] - by_pillow(NOISE, window, 16)).max() <= 2


def test_what_is_read_only_is_cut_without_a_warning(recwarn):
    fixed = NOISE.copy()
    fixed.flags.writeable = False
    assert np.array_equal(cut(fixed, (0, 0, 90), size=20), cut(NOISE, (0, 0, 90), size=20))
    assert not recwarn
