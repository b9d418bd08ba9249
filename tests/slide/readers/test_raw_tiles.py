"""Tiles decoded without OpenSlide: the same pixels, from sound tiles only, at smaller sizes too."""

import pickle
import struct
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageFilter

from wsi_scale.errors import SlideError
from wsi_scale.geometry import ScaleGrid, Site
from wsi_scale.slide.pyramid import sample_pyramid
from wsi_scale.slide.readers import _raw_tiles, open_slide

RGB = {"photometric": "rgb", "compression": "jpeg", "compressionargs": {"level": 85}}
KINDS = {
    "JPEG": RGB | {"subsampling": (1, 1)},
    "JPEG, colours halved across": RGB | {"subsampling": (2, 1)},
    "JPEG, colours halved both ways": RGB | {"subsampling": (2, 2)},
    "JPEG of RGB": RGB | {"compressionargs": {"level": 85, "outcolorspace": "rgb"}},
    "JPEG 2000": {
        "photometric": "rgb",
        "compression": "APERIO_JP2000_RGB",
        "compressionargs": {"level": 45, "mct": False},
    },
}


def tissue(width=700, height=610):
    """Blobs of all sizes in three colours, not square and no multiple of a tile."""
    noise = np.random.default_rng(3).integers(0, 256, (height // 8, width // 8, 3), np.uint8)
    coarse = Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC)
    fine = np.random.default_rng(4).normal(0, 6, (height, width, 1))
    return np.clip(np.asarray(coarse) + fine, 0, 255).astype(np.uint8)


def write(path, how, *, aperio=False, levels=((700, 610), (350, 305), (175, 152)), tile=(128, 96)):
    head = "Aperio Image Library v11.2.1\n700x610 [0,0 700x610] (128x96)"
    with tifffile.TiffWriter(path) as tiff:
        for number, size in enumerate(levels):
            level = np.asarray(Image.fromarray(tissue()).resize(size, Image.Resampling.BOX))
            text = f"{head} {size[0]}x{size[1]}|AppMag = 40|MPP = 0.25" if aperio else None
            flag = {} if aperio else {"subfiletype": int(number > 0)}
            tiff.write(level, tile=tile[::-1], description=text, metadata=None, **flag, **how)
    return path


def by_openslide(slide):
    """The same slide, all of it read by OpenSlide."""
    other = open_slide(slide.path)
    if other._raw is not None:
        other._raw.close()
    other._raw = None
    return other


def is_raw(slide):
    return "decoded without it" in slide.reader_reason


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("aperio", [True, False], ids=["Aperio", "plain TIFF"])
def test_pixels_are_those_that_openslide_shows(tmp_path, kind, aperio):
    if kind == "JPEG 2000" and not aperio:
        pytest.skip("OpenSlide reads it of Aperio only")
    path = write(tmp_path / "slide.svs", KINDS[kind], aperio=aperio)
    with open_slide(path) as slide, by_openslide(slide) as other:
        assert is_raw(slide)
        for window in ((0, 0, 128, 96), (100, 50, 300, 200), (-20, 590, 90, 60), (650, 3, 50, 600)):
            assert np.array_equal(slide.read(0, *window), other.read(0, *window)), window
        assert np.array_equal(slide.read(1, 0, 0, 350, 305), other.read(1, 0, 0, 350, 305))


def test_no_window_is_read_by_openslide_where_tiles_can_be_decoded(tmp_path, monkeypatch):
    with open_slide(write(tmp_path / "slide.svs", KINDS["JPEG"], aperio=True)) as slide:
        monkeypatch.setattr(type(slide), "_read_whole", None)
        assert slide.read(2, 3, 4, 100, 90).shape == (90, 100, 3)


def test_at_a_smaller_size_each_pixel_lies_on_the_first_of_its_square(tmp_path):
    path = write(tmp_path / "slide.svs", KINDS["JPEG 2000"], aperio=True)
    with open_slide(path) as slide:
        whole = slide.read(0, 0, 0, 640, 576).astype(float)
        for shrink in (2, 4):
            small = slide.read_shrunk(0, 0, 0, 640, 576, shrink)
            blurred = Image.fromarray(whole.astype(np.uint8)).filter(
                ImageFilter.BoxBlur(shrink / 2)
            )
            errors = {
                first: np.square(
                    np.asarray(blurred)[first::shrink, first::shrink] - 1.0 * small
                ).mean()
                for first in range(shrink)
            }
            assert min(errors, key=errors.get) == 0, errors


def test_a_patch_from_a_smaller_size_lies_where_one_from_all_pixels_does(tmp_path):
    how = KINDS["JPEG 2000"]
    path = write(tmp_path / "slide.svs", how, aperio=True, levels=((700, 610),))
    grid, site = ScaleGrid((4.15, 4.9, 6.1, 8.3)), Site(345.3, 301.8)
    with open_slide(path) as slide, by_openslide(slide) as other:
        assert [read.shrink for read in plan(slide, site, grid)] == [2, 4]
        found = sample_pyramid(slide, site, grid, size=64).patches.astype(float)
        true = sample_pyramid(other, site, grid, size=64).patches.astype(float)
    for one, real, scale in zip(found, true, grid.scales, strict=True):
        assert 10 * np.log10(255**2 / np.square(one - real).mean()) > 36, scale


def test_a_tile_that_cannot_be_decoded_smaller_is_shown_at_the_same_place(tmp_path, monkeypatch):
    path = write(tmp_path / "slide.svs", KINDS["JPEG 2000"], aperio=True)
    with open_slide(path) as slide:
        smaller = slide.read_shrunk(0, 0, 0, 256, 192, 2).astype(float)
        monkeypatch.setattr(slide._raw, "read", lambda *asked: None)
        instead = slide.read_shrunk(0, 0, 0, 256, 192, 2)
    assert instead.shape == smaller.shape
    errors = {x: np.square(np.roll(instead, x, 1) - smaller)[:, 3:-3].mean() for x in (-1, 0, 1)}
    assert min(errors, key=errors.get) == 0


def plan(slide, site, grid):
    from wsi_scale.slide.read_plan import plan_reads

    return plan_reads(slide.levels, site, grid, 64, shrinking=slide.shrinking).reads


def test_levels_whose_pixels_are_not_the_same_stay_with_openslide(tmp_path, monkeypatch):
    path = write(tmp_path / "slide.svs", KINDS["JPEG"], aperio=True)
    codec = _raw_tiles.CODECS[7, 6]
    wrong = codec._replace(decode=lambda *asked: codec.decode(*asked) ^ 1)
    monkeypatch.setitem(_raw_tiles.CODECS, (7, 6), wrong)
    with open_slide(path) as slide, by_openslide(slide) as other:
        assert not is_raw(slide)
        assert np.array_equal(slide.read(0, 9, 9, 90, 90), other.read(0, 9, 9, 90, 90))


@pytest.mark.parametrize(
    "how",
    [
        {"photometric": "rgb", "compression": "zlib"},
        {"photometric": "rgb"},
        {
            "photometric": "rgb",
            "compression": "APERIO_JP2000_YCBC",
            "compressionargs": {"level": 45, "mct": False},
        },
    ],
    ids=["deflate", "as they are", "JPEG 2000 of YCbCr"],
)
def test_tiles_of_other_kinds_stay_with_openslide(tmp_path, how):
    with open_slide(write(tmp_path / "slide.svs", how, aperio=True)) as slide:
        assert not is_raw(slide)
        assert slide.shrinking.factors == ()
        assert slide.read(0, 0, 0, 200, 100).std() > 5


def change(path, tag, number, value):
    """Overwrite one of the numbers in a tag of the first image."""
    with tifffile.TiffFile(path) as tiff:
        entry = tiff.pages[0].tags[tag]
        at, size = entry.valueoffset, {3: 2, 4: 4, 16: 8}[int(entry.dtype)]
    with path.open("r+b") as file:
        file.seek(at + number * size)
        file.write(value.to_bytes(size, "little"))


def test_tiles_that_were_left_out_stay_with_openslide(tmp_path):
    path = write(tmp_path / "slide.tif", KINDS["JPEG"])
    change(path, "TileByteCounts", 0, 0)
    with open_slide(path) as slide:
        assert (slide.read(0, 0, 0, 100, 90) == slide.background).all()
        assert slide.shrinking.factors == ()


def first_tile(path):
    with tifffile.TiffFile(path) as tiff:
        page = tiff.pages[0]
        return page.dataoffsets[0], page.databytecounts[0]


def test_a_tile_that_says_it_is_larger_than_its_directory_does_is_not_decoded(tmp_path):
    path = write(tmp_path / "slide.tif", KINDS["JPEG"])
    start, length = first_tile(path)
    data = bytearray(path.read_bytes())
    at = data.index(b"\xff\xc0", start, start + length) + 5
    data[at : at + 4] = struct.pack(">HH", 65_000, 65_000)
    path.write_bytes(data)
    with open_slide(path) as slide:
        assert slide._raw is not None
        assert slide._raw.read(0, 0, 0, 100, 90) is None
        with pytest.raises(SlideError, match="cannot be decoded"):
            slide.read(0, 0, 0, 100, 90)
        assert slide.read(0, 300, 200, 100, 90).std() > 5


def test_a_tile_of_nothing_but_noise_gives_a_sentence_or_pixels_and_no_crash(tmp_path):
    path = write(tmp_path / "slide.tif", KINDS["JPEG"])
    start, length = first_tile(path)
    data = bytearray(path.read_bytes())
    data[start : start + length] = np.random.default_rng(0).bytes(length)
    path.write_bytes(data)
    with open_slide(path) as slide:
        for read in (
            lambda: slide.read(0, 0, 0, 64, 64),
            lambda: slide.read_shrunk(0, 0, 0, 64, 64, 2),
        ):
            with pytest.raises(SlideError, match="cannot be decoded"):
                read()


def test_tiles_are_decoded_once_and_memory_is_bounded(tmp_path, monkeypatch):
    path = write(tmp_path / "slide.tif", KINDS["JPEG"])
    codec, decoded = _raw_tiles.CODECS[7, 6], []

    def counted(data, *asked):
        decoded.append(len(data))
        return codec.decode(data, *asked)

    monkeypatch.setitem(_raw_tiles.CODECS, (7, 6), codec._replace(decode=counted))
    with open_slide(path) as slide:
        slide.read(0, 0, 0, 300, 200)
        before = len(decoded)
        slide.read(0, 5, 5, 290, 190)
        assert len(decoded) == before
        monkeypatch.setattr(_raw_tiles, "KEPT_BYTES", 3 * 128 * 96 * 3)
        slide.read(0, 0, 0, 700, 610)
        assert len(slide._raw._handle.get().kept) == 3


def test_threads_and_copies_of_a_slide_read_the_same(tmp_path):
    path = write(tmp_path / "slide.svs", KINDS["JPEG"], aperio=True)
    windows = [(x, y, 150, 130) for x in range(0, 550, 90) for y in range(0, 480, 80)]
    with open_slide(path) as slide, pickle.loads(pickle.dumps(slide)) as copy:
        alone = [copy.read(0, *window) for window in windows]
        with ThreadPoolExecutor(4) as pool:
            together = list(pool.map(lambda window: slide.read(0, *window), windows))
        assert all(np.array_equal(a, b) for a, b in zip(alone, together, strict=True))


def test_a_closed_slide_says_so(tmp_path):
    slide = open_slide(write(tmp_path / "slide.svs", KINDS["JPEG"], aperio=True))
    slide.close()
    with pytest.raises(SlideError, match="is closed"):
        slide.read(0, 0, 0, 10, 10)
