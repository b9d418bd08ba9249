"""Slides with one colour per level, so that a pixel shows which level was read, and where."""

import numpy as np
import pytest

from wsi_scale import open_slide
from wsi_scale.testing import painted_levels, write_pyramid_tiff

SIZES = ((1203, 903), (300, 225), (75, 56))
"""Downsamples 1, 4.0117, 16.0825: rounding errors appear at the far edge of a level."""


def ramps(sizes=SIZES):
    """Levels with x in red and y in green, smooth enough for a reader that resamples."""
    levels = []
    for width, height in sizes:
        y, x = np.mgrid[:height, :width]
        red, green = 250 * (x + 0.5) / width, 250 * (y + 0.5) / height
        levels.append(np.stack([red, green, 0 * x], axis=2).astype(np.uint8))
    return levels


@pytest.fixture(params=["openslide", "tiffslide", "array"])
def opened(request, tmp_path):
    """Opens levels with one reader, through a file if the reader needs one."""
    slides = []

    def build(levels, **options):
        source = levels
        if request.param != "array":
            source = write_pyramid_tiff(tmp_path / "painted.tiff", levels, **options)
        slides.append(open_slide(source, reader=request.param))
        return slides[-1]

    yield build
    for slide in slides:
        slide.close()


def painted_with(pixels, colour, slide):
    """Whether all pixels have the colour. OpenSlide's last row may differ by one grey level.

    A fractional location covers a pixel there only in part, so its colour is rounded twice.
    """
    return np.abs(pixels.astype(int) - colour).max() <= (slide.reader == "openslide")


def test_every_level_shows_its_own_colour_up_to_its_last_pixel(opened):
    levels = painted_levels()
    slide = opened(levels)
    assert [(level.width, level.height) for level in slide.levels] == [
        (300, 250),
        (150, 125),
        (75, 62),
        (37, 31),
    ]
    for number, painted in enumerate(levels):
        height, width = painted.shape[:2]
        assert (slide.read(number, 0, 0, width, height) == painted).all()
        corner = slide.read(number, width - 7, height - 5, 7, 5)
        assert painted_with(corner, painted[0, 0], slide)


def test_downsamples_are_the_mean_of_both_ratios_and_never_rounded(opened):
    slide = opened(painted_levels())
    expected = [1, 2, (300 / 75 + 250 / 62) / 2, (300 / 37 + 250 / 31) / 2]
    assert [level.downsample for level in slide.levels] == pytest.approx(expected, rel=1e-12)


def test_pixels_beyond_the_far_corner_are_background(opened):
    levels = painted_levels()
    slide = opened(levels)
    for number, painted in enumerate(levels):
        height, width = painted.shape[:2]
        corner = slide.read(number, width - 3, height - 2, 8, 6)
        assert painted_with(corner[:2, :3], painted[0, 0], slide)
        assert (corner[2:] == slide.background).all()
        assert (corner[:, 3:] == slide.background).all()


def test_windows_of_uneven_levels_lie_where_they_are_asked_for(opened):
    levels = ramps()
    slide = opened(levels)
    for number, ramp in enumerate(levels):
        height, width = ramp.shape[:2]
        for x in (0, 1, 37, width // 2, width - 12):
            for y in (0, 2, height - 12):
                window = slide.read(number, x, y, 12, 12)
                wanted = ramp[y : y + 12, x : x + 12]
                off = np.abs(window.astype(int) - wanted)
                # OpenSlide resamples by up to half a level-0 px, the others are exact
                limit = 1 if slide.reader == "openslide" else 0
                assert off.max() <= limit, (number, x, y)


def test_a_read_wider_than_openslides_pieces_is_one_image(opened):
    width, height = 9001, 40
    base = np.zeros((height, width, 3), np.uint8)
    base[..., 0] = np.arange(width) % 251
    levels = [base, base[:13, ::3][:, :3000]]
    slide = opened(levels)
    assert (slide.read(0, 0, 0, width, height) == base).all()


def test_a_level_of_another_aspect_is_left_out(tmp_path):
    path = write_pyramid_tiff(
        tmp_path / "mixed.tiff", painted_levels(((1200, 900), (300, 225), (100, 90)))
    )
    for reader in ("openslide", "tiffslide"):
        with open_slide(path, reader=reader) as slide:
            assert [level.width for level in slide.levels] == [1200, 300]


def test_a_repeated_level_is_left_out(tmp_path):
    path = write_pyramid_tiff(
        tmp_path / "twice.tiff", painted_levels(((600, 500), (300, 250), (300, 250)))
    )
    with open_slide(path) as slide:
        assert [level.width for level in slide.levels] == [600, 300]


def test_pillow_reads_the_first_page_of_a_pyramid(tmp_path):
    levels = painted_levels()
    path = write_pyramid_tiff(tmp_path / "painted.tiff", levels)
    with open_slide(path, reader="image") as slide:
        assert len(slide.levels) == 1
        assert (slide.read(0, 0, 0, 300, 250) == levels[0]).all()
