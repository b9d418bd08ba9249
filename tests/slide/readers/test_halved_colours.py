"""JPEG pyramids that store colours at half the resolution of light, as many scanners do."""

import numpy as np
import pytest
import tifffile
from PIL import Image

from wsi_scale.geometry import Level, ScaleGrid, Site
from wsi_scale.pipeline.iterate import estimate_slide
from wsi_scale.pipeline.settings import Settings
from wsi_scale.slide.pyramid import sample_pyramid
from wsi_scale.slide.read_plan import plan_reads
from wsi_scale.slide.readers import open_slide

STRETCH = 0.78
"""The network of these figures was trained at 5, so here the right scale is 3.9."""


def figures(width, height):
    what = f"synthetic:figures?seed=3&stretch={STRETCH}&width={width}&height={height}"
    with open_slide(what) as slide:
        return slide.read(0, 0, 0, width, height)


def write_pyramid(path, pixels, subsampling, factor=4, levels=2):
    """A tiled TIFF of JPEGs; every level averages the first."""
    with tifffile.TiffWriter(path) as tiff:
        for number in range(levels):
            down = factor**number
            size = pixels.shape[1] // down, pixels.shape[0] // down
            level = np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BOX))
            tiff.write(
                level,
                tile=(256, 256),
                photometric="rgb",
                compression="jpeg",
                compressionargs={"level": 90},
                subsampling=subsampling,
                metadata=None,
                subfiletype=int(number > 0),
            )
    return path


@pytest.mark.parametrize(("subsampling", "side"), [((1, 1), 1), ((2, 1), 2), ((2, 2), 2)])
@pytest.mark.parametrize("reader", ["openslide", "tiffslide"])
def test_a_slide_says_whether_its_colours_are_halved(tmp_path, reader, subsampling, side):
    pixels = figures(600, 600)
    path = write_pyramid(tmp_path / "slide.tif", pixels, subsampling, factor=2)
    with open_slide(path, reader=reader) as slide:
        assert slide.colour_px == side


def test_a_level_with_halved_colours_is_read_only_where_its_colours_are_sharp_enough():
    levels = [Level(4000, 4000, 1.0), Level(1000, 1000, 4.0)]
    grid = ScaleGrid((2.0, 4.0, 7.0, 8.0))
    for colour_px, from_first in ((1, [2.0]), (2, [2.0, 4.0, 7.0])):
        plan = plan_reads(levels, Site(2000, 2000), grid, 64, colour_px=colour_px)
        assert [x.scale for x in plan.reads[0].windows] == from_first


def test_patches_keep_the_colours_of_figures(tmp_path):
    """A network px from a level that has just as many px would show colours two px wide."""
    pixels = figures(2048, 2048)
    path = write_pyramid(tmp_path / "slide.tif", pixels, (2, 2))
    grid, site = ScaleGrid((4.0,)), Site(1024, 1024)
    with open_slide(path) as slide, open_slide(pixels) as true:
        seen = sample_pyramid(slide, site, grid, size=224).patches.astype(float)
        slide.colour_px = 1
        blurred = sample_pyramid(slide, site, grid, size=224).patches.astype(float)
        real = sample_pyramid(true, site, grid, size=224).patches.astype(float)
    error, without = (np.abs(x - real).mean() for x in (seen, blurred))
    assert error < without / 2


def test_halved_colours_do_not_move_the_answer(tmp_path):
    """Read as other levels are, the answer was 3.3 with halved colours, and ``ok``."""
    path = write_pyramid(tmp_path / "slide.tif", figures(4096, 4096), (2, 2))
    settings = Settings(
        sites=16, scales=(1.5, 9), estimator="fingerprint", ruler=False, as_is_sites=0
    )
    answer = estimate_slide(str(path), "figures", settings)
    assert answer.scale == pytest.approx(3.9, rel=0.05)
