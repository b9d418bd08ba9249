"""Pyramids from read plans: exact windows, the right level, bounded memory."""

import numpy as np
import pytest

from wsi_scale.geometry import Box, Level, ScaleGrid, Site
from wsi_scale.slide.base import Slide
from wsi_scale.slide.pyramid import sample_pyramid
from wsi_scale.slide.read_plan import LevelRead
from wsi_scale.slide.readers.synthetic import SyntheticSlide
from wsi_scale.slide.reading import read_reduced, resample


class PaintedSlide(Slide):
    """Each level has a grey of its own, or level 0 is a ramp. Counts what is read."""

    reader = "test"

    def __init__(self, sizes, paint=None):
        self.path = "painted"
        self.levels = tuple(Level(w, h, (sizes[0][0] / w + sizes[0][1] / h) / 2) for w, h in sizes)
        self.bounds = Box(0, 0, *sizes[0])
        self.properties = {}
        self.paint = paint or (lambda level, x, y: np.full_like(x, 40 * (level + 1)))
        self.read_px = []

    def _read(self, level, x, y, width, height):
        self.read_px.append((level, width, height))
        xs, ys = np.meshgrid(np.arange(x, x + width), np.arange(y, y + height))
        return np.repeat(self.paint(level, xs, ys)[..., None], 3, axis=2).astype(np.uint8)

    def close(self):
        pass


def test_the_colour_proves_which_level_was_read():
    slide = PaintedSlide([(3000, 2500), (1500, 1250), (749, 624)])
    grid = ScaleGrid((0.5, 1.0, 1.9, 2.0, 3.0, 3.95, 8.0))
    pyramid = sample_pyramid(slide, Site(1500, 1250), grid, size=64)
    assert list(pyramid.patches[:, 5, 5, 0]) == [40, 40, 40, 80, 80, 120, 120]
    assert pyramid.upsampled == (True, False, False, False, False, False, False)
    assert len(slide.read_px) == 3


def test_at_scale_one_on_whole_pixels_the_patch_is_the_slide_itself():
    slide = PaintedSlide([(300, 250)], lambda level, x, y: (x * 7 + y * 13) % 256)
    pyramid = sample_pyramid(slide, Site(100, 90), ScaleGrid((1.0,)), size=32)
    assert (pyramid.patches[0] == slide.read(0, 84, 74, 32, 32)).all()


def test_a_ramp_keeps_its_position_at_every_scale_to_a_fraction_of_a_pixel():
    """Cubic resampling reproduces a ramp, so a patch's mean is the ramp's value at the site."""
    sizes = [(2000, 1600), (1000, 800), (500, 400)]
    ratio = (1, 2, 4)

    def ramp(level, x, y):
        return np.round((x + 0.5) * ratio[level] / 8)

    slide = PaintedSlide(sizes, ramp)
    pyramid = sample_pyramid(slide, Site(987.3, 801.9), ScaleGrid.geometric(1, 8, 4), size=96)
    for patch, scale in zip(pyramid.patches, pyramid.grid.scales, strict=True):
        assert patch.mean() == pytest.approx(987.3 / 8, abs=0.5), scale


def test_a_patch_that_would_leave_the_slide_is_absent_not_padded():
    slide = PaintedSlide([(400, 300)])
    pyramid = sample_pyramid(slide, Site(100, 150), ScaleGrid((1.0, 2.0, 4.0)), size=80)
    assert pyramid.indices == (0, 1)
    assert len(pyramid.patches) == 2


def test_a_pyramid_through_native_levels_agrees_with_one_from_level_zero():
    options = {"seed": 4, "width": 2500, "height": 2200}
    native = SyntheticSlide.figures(**options)
    only = SyntheticSlide.figures(**options, downsamples=(1.0,))
    grid = ScaleGrid.geometric(1, 16, 2)
    a, b = (sample_pyramid(s, Site(1200, 1100), grid, size=96).patches for s in (native, only))
    for patch, other, scale in zip(a, b, grid.scales, strict=True):
        error = np.mean((patch.astype(float) - other) ** 2)
        assert 10 * np.log10(255**2 / max(error, 1e-9)) > 20, scale


def test_averaging_in_bands_equals_averaging_at_once(monkeypatch):
    slide = PaintedSlide([(900, 700)], lambda level, x, y: (x * 31 + y * 17) % 251)
    read = LevelRead(0, 4, 8, 640, 512, 4, ())
    whole = read_reduced(slide, read)
    monkeypatch.setattr("wsi_scale.slide.reading._BAND_PX", 640 * 40)
    assert (read_reduced(slide, read) == whole).all()
    assert whole.shape == (128, 160, 3)


def test_a_huge_patch_of_a_slide_without_levels_is_never_held_whole():
    slide = PaintedSlide([(60_000, 50_000)])
    pyramid = sample_pyramid(slide, Site(30_000, 25_000), ScaleGrid((200.0,)), size=224)
    assert pyramid.patches.shape == (1, 224, 224, 3)
    assert max(w * h for _, w, h in slide.read_px) <= 1 << 25


def test_resample_shrinks_a_constant_to_the_same_constant():
    assert (resample(np.full((50, 60, 3), 77, np.uint8), (3.3, 4.4, 55.1, 48.2), 7, 9) == 77).all()


@pytest.mark.parametrize("max_px", [10, 64, 333, 5000])
def test_a_thumbnail_is_no_larger_than_asked_and_keeps_the_aspect(max_px):
    slide = PaintedSlide([(3000, 2500), (1500, 1250), (749, 624)])
    height, width, _ = slide.thumbnail(max_px).shape
    assert max(height, width) == min(max_px, 3000)
    assert width / height == pytest.approx(1.2, rel=0.15)


def test_a_thumbnail_of_a_huge_flat_slide_reads_in_bands():
    slide = PaintedSlide([(40_000, 30_000)])
    assert slide.thumbnail(500).shape == (375, 500, 3)
    assert max(w * h for _, w, h in slide.read_px) <= 1 << 25
