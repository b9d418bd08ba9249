"""Plain images: every mode becomes RGB, large ones open, resolution is audited."""

import tracemalloc
import warnings

import numpy as np
import pytest
import tifffile
from PIL import Image

from wsi_scale import open_slide
from wsi_scale.errors import SlideError
from wsi_scale.slide.readers import _apart

RNG = np.random.default_rng(5)
NOISE = RNG.integers(0, 255, (40, 60, 3), dtype=np.uint8)


def whole(path):
    with open_slide(path, reader="image") as slide:
        level = slide.levels[0]
        return slide.read(0, 0, 0, level.width, level.height)


@pytest.mark.parametrize("suffix", ["png", "tif", "bmp", "webp", "ppm"])
def test_rgb_is_read_as_it_was_saved(tmp_path, suffix):
    path = tmp_path / f"image.{suffix}"
    options = {"lossless": True} if suffix == "webp" else {}
    Image.fromarray(NOISE).save(path, **options)
    assert (whole(path) == NOISE).all()


def test_jpeg_is_read_as_pillow_decodes_it(tmp_path):
    path = tmp_path / "image.jpg"
    Image.fromarray(NOISE).save(path, quality=95)
    assert (whole(path) == np.asarray(Image.open(path))).all()


def test_a_palette_becomes_its_colours(tmp_path):
    picture = Image.new("P", (6, 4), 1)
    picture.putpalette([255, 0, 0, 10, 20, 30])
    for suffix in ("png", "tif"):
        path = tmp_path / f"palette.{suffix}"
        picture.save(path)
        assert (whole(path) == (10, 20, 30)).all()


def test_a_palette_tiff_is_left_to_pillow_which_knows_its_colours(tmp_path):
    picture = Image.new("P", (6, 4), 1)
    picture.putpalette([255, 0, 0, 10, 20, 30])
    picture.save(tmp_path / "palette.tif")
    with open_slide(tmp_path / "palette.tif") as slide:
        assert slide.reader == "image"
        assert "TiffSlide refused it (its colours are stored as PALETTE" in slide.reader_reason
        assert (slide.read(0, 0, 0, 6, 4) == (10, 20, 30)).all()


def test_transparent_pixels_show_the_background(tmp_path):
    rgba = np.dstack([NOISE, np.full(NOISE.shape[:2], 255, np.uint8)])
    rgba[:, 30:, 3] = 0
    Image.fromarray(rgba).save(tmp_path / "rgba.png")
    pixels = whole(tmp_path / "rgba.png")
    assert (pixels[:, :30] == NOISE[:, :30]).all()
    assert (pixels[:, 30:] == 255).all()


def test_grey_and_black_and_white_become_rgb(tmp_path):
    Image.fromarray(NOISE[..., 0]).save(tmp_path / "grey.png")
    assert (whole(tmp_path / "grey.png") == NOISE[..., :1]).all()
    Image.fromarray(NOISE[..., 0] > 99).save(tmp_path / "bilevel.png")
    assert (whole(tmp_path / "bilevel.png") == np.where(NOISE[..., :1] > 99, 255, 0)).all()


@pytest.mark.parametrize(("brightest", "white"), [(4095, 4095), (65535, 65535), (300, 1023)])
def test_deep_grey_is_scaled_by_its_bit_depth(tmp_path, brightest, white):
    deep = np.linspace(0, brightest, 60, dtype=np.uint16)[None].repeat(40, axis=0)
    Image.fromarray(deep).save(tmp_path / "deep.png")
    expected = np.rint(deep.astype(np.float32) * np.float32(255 / white))
    assert (whole(tmp_path / "deep.png")[..., 1] == expected).all()


def test_an_image_beyond_pillows_bomb_limit_opens_without_a_warning(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    for suffix in ("png", "tif"):
        path = tmp_path / f"large.{suffix}"
        Image.fromarray(NOISE).save(path)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert (whole(path) == NOISE).all()
            with open_slide(path, reader="image") as slide:
                assert (slide.read(0, 1, 2, 30, 20) == NOISE[2:22, 1:31]).all()


def test_a_tile_at_an_offset_that_no_machine_can_seek_to_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(_apart, "_alone", True)  # as a batch reads it
    path = tmp_path / "far.tif"
    tifffile.imwrite(path, NOISE, bigtiff=True, tile=(16, 32), photometric="rgb")
    with tifffile.TiffFile(path, mode="r+b") as tiff:
        tag = tiff.pages.first.tags["TileOffsets"]
        tag.overwrite([*tag.value[:-1], 0xFF << 56 | tag.value[-1]])
    with pytest.raises(SlideError, match="cannot be decoded: cannot fit"):
        whole(path)


def test_a_larger_image_than_is_decoded_at_once_says_how_to_raise_that(tmp_path, monkeypatch):
    path = tmp_path / "image.png"
    Image.new("1", (2048, 1024)).save(path)  # 2 megapixels in a few hundred bytes
    monkeypatch.setenv("WSI_SCALE_MOST_MPX", "1")
    with pytest.raises(SlideError, match=r"2048 × 1024 px, .* pyramid TIFF.*MOST_MPX=3 if"):
        open_slide(path)
    monkeypatch.setenv("WSI_SCALE_MOST_MPX", "3")
    open_slide(path).close()


def test_an_image_is_held_as_pillow_holds_it_and_only_what_is_asked_becomes_rgb(tmp_path):
    path = tmp_path / "grey.png"
    Image.new("L", (6000, 6000), 77).save(path)
    with open_slide(path) as slide:
        tracemalloc.start()  # counts what NumPy holds
        part = slide.read(0, 5000, 5000, 100, 100)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert (part == 77).all()
    assert most < 6000 * 6000 / 4


def test_a_cut_off_image_is_refused_when_it_is_read(tmp_path):
    Image.fromarray(NOISE).save(tmp_path / "image.png")
    cut = tmp_path / "cut.png"
    cut.write_bytes((tmp_path / "image.png").read_bytes()[:2000])
    with open_slide(cut) as slide, pytest.raises(SlideError, match="cannot be decoded"):
        slide.read(0, 0, 0, 10, 10)


@pytest.mark.parametrize(("dpi", "mpp"), [(72, None), (300, None), (101600, 0.25)])
def test_dpi_counts_only_when_it_can_be_a_microscopes(tmp_path, dpi, mpp):
    for suffix in ("png", "jpg", "tif"):
        path = tmp_path / f"image.{suffix}"
        if suffix == "jpg" and dpi > 65535:
            continue  # the format has no room for it
        Image.fromarray(NOISE).save(path, dpi=(dpi, dpi))
        with open_slide(path, reader="image") as slide:
            assert slide.audit
            assert slide.mpp == (None if mpp is None else pytest.approx((mpp, mpp), rel=1e-4))


def test_a_closed_image_says_so(tmp_path):
    Image.fromarray(NOISE).save(tmp_path / "image.png")
    slide = open_slide(tmp_path / "image.png")
    slide.read(0, 0, 0, 5, 5)
    slide.close()
    with pytest.raises(SlideError, match="is closed"):
        slide.read(0, 0, 0, 5, 5)
