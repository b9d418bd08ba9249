"""TIFF structure is checked before any library opens the file."""

import struct
import time
from pathlib import Path

import numpy as np
import pytest
import tifffile

from wsi_scale import open_slide
from wsi_scale.errors import SlideError
from wsi_scale.slide.tiff_check import check_tiff, is_tiff

CASES = Path(__file__).parents[1] / "cases" / "hostile"
PIXELS = np.random.default_rng(3).integers(0, 255, (96, 160, 3), dtype=np.uint8)


def written(folder, byteorder="<", bigtiff=False, levels=2, subifds=0, **options):
    path = folder / "a.tiff"
    options = {"tile": (32, 32), "photometric": "rgb", "metadata": None} | options
    with tifffile.TiffWriter(path, byteorder=byteorder, bigtiff=bigtiff) as tiff:
        tiff.write(PIXELS, subifds=subifds, **options)
        for number in range(1, levels):
            tiff.write(PIXELS[:: 2**number, :: 2**number], subfiletype=1, **options)
    return path


def planted(path, tag, value, page=0):
    """The file with another number in a tag of one page, as large as the field that holds it."""
    with tifffile.TiffFile(path) as tiff:
        field = tiff.pages[page].tags[tag]
        order, where, kind = tiff.byteorder, field.offset, field.dtype
    code = {3: "H", 4: "I", 16: "Q"}[int(kind)]
    data = bytearray(path.read_bytes())
    inside = where + (12 if b"+" in data[2:4] else 8)
    data[inside : inside + struct.calcsize(code)] = struct.pack(order + code, value)
    path.write_bytes(data)
    return path


def refused(path):
    with pytest.raises(SlideError) as caught:
        open_slide(path)
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert sentence.startswith(str(path))
    return sentence


@pytest.mark.parametrize("bigtiff", [False, True])
@pytest.mark.parametrize("byteorder", "<>")
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"tile": None, "rowsperstrip": 7},
        {"planarconfig": "separate", "photometric": "minisblack", "tile": None},
        {"levels": 3, "subifds": 2},
        {"compression": "jpeg"},
    ],
)
def test_sound_files_of_every_kind_pass_without_a_doubt(tmp_path, byteorder, bigtiff, options):
    path = written(tmp_path, byteorder, bigtiff, **options)
    if "separate" in options.values():
        tifffile.imwrite(
            path,
            np.moveaxis(PIXELS, 2, 0),
            byteorder=byteorder,
            bigtiff=bigtiff,
            planarconfig="separate",
            photometric="rgb",
            metadata=None,
        )
    assert check_tiff(path).doubts == ()


@pytest.mark.parametrize("name", ["CMU-1-Small-Region.svs", "test3-DAPI.ndpi", "boxes.tiff"])
def test_real_slides_pass_without_a_doubt(real_data, name):
    assert check_tiff(real_data / "slides" / name).doubts == ()


def test_images_that_lead_back_to_themselves_are_refused():
    assert "leads back to itself" in refused(CASES / "ifd_loop.tiff")


def test_an_image_within_that_leads_back_is_refused(tmp_path):
    path = written(tmp_path, levels=2, subifds=1)
    with tifffile.TiffFile(path) as tiff:
        inside = tiff.pages[0].pages[0]
        end = inside.offset + 2 + 12 * len(inside.tags)
        start = inside.offset
    data = bytearray(path.read_bytes())
    data[end : end + 4] = struct.pack("<I", start)
    path.write_bytes(data)
    assert "leads back to itself" in refused(path)


def test_a_tile_height_that_would_abort_the_process_is_refused():
    assert "tiles are 64 × 2147483647 px" in refused(CASES / "glib_abort.tiff")


def test_sizes_that_no_slide_has_are_refused():
    assert "100000 × 2147483647 px" in refused(CASES / "declares_100000x2147483647.svs")
    assert "1 × -31072 px" in refused(CASES / "negative_height.tiff")


@pytest.mark.parametrize("bigtiff", [False, True])
@pytest.mark.parametrize("byteorder", "<>")
@pytest.mark.parametrize(
    ("tag", "value", "says"),
    [
        ("ImageWidth", 0, "is 0 × 96 px"),
        ("ImageLength", 60000, "needs 9375 tiles, but it lists 15"),
        ("TileWidth", 0, "tiles are 0 × 32 px"),
        ("SamplesPerPixel", 0, "0 samples"),
    ],
)
def test_numbers_that_do_not_fit_are_refused(tmp_path, byteorder, bigtiff, tag, value, says):
    assert says in refused(planted(written(tmp_path, byteorder, bigtiff), tag, value))


def test_a_tile_longer_than_the_file_is_refused(tmp_path):
    path = written(tmp_path, tile=(96, 160), levels=1)
    assert "more than the file" in refused(planted(path, "TileByteCounts", 1 << 31))


def test_a_strip_too_large_to_decode_at_once_says_how_to_raise_that(tmp_path, monkeypatch):
    monkeypatch.setenv("WSI_SCALE_MOST_MPX", "1")
    path = tmp_path / "strip.tif"
    tifffile.imwrite(path, np.zeros((2048, 1024), np.uint8), rowsperstrip=2048, compression="zlib")
    assert "WSI_SCALE_MOST_MPX=3" in refused(path)


def test_a_file_that_ends_early_is_doubted_or_refused(tmp_path):
    path = written(tmp_path, levels=1)
    with tifffile.TiffFile(path) as tiff:
        first, last = tiff.pages[0].dataoffsets[0], tiff.pages[0].dataoffsets[-1]
    whole = path.read_bytes()
    path.write_bytes(whole[: last + 5])
    assert check_tiff(path).doubts == ("it ends before 1 of the 15 tiles of image 0",)
    path.write_bytes(whole[: first + 5])
    assert "more than the file" in refused(path)
    path.write_bytes(whole[:40])
    assert "it ends before image 0" in refused(path)


def test_a_large_ndpi_is_followed_by_its_high_halves(tmp_path):
    """Offsets beyond 4 GiB; the file is sparse, so it takes no room."""
    path, far = tmp_path / "large.ndpi", (1 << 32) + 4096
    tags = [(256, 4, 1, 64), (257, 4, 1, 64), (259, 3, 1, 7), (273, 4, 1, 512), (278, 4, 1, 64)]
    tags += [(279, 4, 1, 9), (65420, 4, 1, 1)]
    with path.open("wb") as file:
        file.write(b"II*\0" + struct.pack("<Q", far))
        file.seek(far)
        file.write(struct.pack("<H", len(tags)))
        for tag in tags:
            file.write(struct.pack("<HHII", *tag))
        file.write(struct.pack("<Q", 0))
        file.write(struct.pack(f"<{len(tags)}I", 0, 0, 0, 1, 0, 0, 0))
        file.truncate(far + (1 << 20))
    assert check_tiff(path).images == 1
    assert check_tiff(path).doubts == ()


def test_a_million_tiles_in_forty_gigabytes_take_a_moment(tmp_path):
    path, count = tmp_path / "million.tiff", 1000 * 1000
    side = 1000 * 256
    bits = int.from_bytes(struct.pack("<4H", 8, 8, 8, 0), "little")
    tags = [(256, 4, 1, side), (257, 4, 1, side), (258, 3, 3, bits), (259, 3, 1, 7)]
    tags += [(262, 3, 1, 6), (277, 3, 1, 3), (322, 3, 1, 256), (323, 3, 1, 256)]
    tags += [(324, 16, count, 4096), (325, 4, count, 4096 + 8 * count)]
    with path.open("wb") as file:
        file.write(b"II+\0" + struct.pack("<HHQQ", 8, 0, 16, len(tags)))
        for tag in tags:
            file.write(struct.pack("<HHQQ", *tag))
        file.write(bytes(8))
        file.seek(4096)
        file.write((np.arange(count, dtype="<u8") * 40_000 + 20_000_000).tobytes())
        file.write(np.full(count, 40_000, "<u4").tobytes())
        file.truncate(20_000_000 + 40_000 * count)  # sparse
    started = time.process_time()
    assert check_tiff(path).doubts == ()
    assert time.process_time() - started < 0.5


def test_other_files_are_no_tiff(tmp_path):
    (tmp_path / "a.svs").write_bytes(b"II")
    assert not is_tiff(tmp_path / "a.svs")
    assert not is_tiff(tmp_path / "missing.svs")
