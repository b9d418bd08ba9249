"""TIFFs of many kinds: gaps, depth, planes, SubIFDs. Each is shown correctly or refused."""

import struct

import numpy as np
import pytest
import tifffile

from wsi_scale import open_slide
from wsi_scale.errors import SlideError
from wsi_scale.slide import readers
from wsi_scale.testing import disc_image, shrunk_levels, write_pyramid_tiff

DISCS = disc_image(20)


@pytest.fixture
def gappy(tmp_path):
    """A pyramid of grey 90; both levels lack their second tile."""
    grey = np.full((700, 900, 3), 90, np.uint8)
    path = write_pyramid_tiff(tmp_path / "gap.tiff", [grey, grey[::2, ::2].copy()])
    data = bytearray(path.read_bytes())
    with tifffile.TiffFile(path) as tiff:
        for page in tiff.pages[:2]:
            for name in ("TileByteCounts", "TileOffsets"):
                tag = page.tags[name]
                assert tag.dtype == tifffile.DATATYPE.LONG
                struct.pack_into("<I", data, tag.valueoffset + 4, 0)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("reader", ["openslide", "tiffslide"])
def test_what_the_scanner_left_out_is_background_never_black(gappy, reader):
    with open_slide(gappy, reader=reader) as slide:
        for level in (0, 1):
            assert (slide.read(level, 300, 10, 100, 100) == slide.background).all()
            assert (slide.read(level, 10, 10, 100, 100) == 90).all()


def ome_with_subifds(path, pixels):
    first, *rest = shrunk_levels(pixels, (1, 2, 4))
    sizes = {"PhysicalSizeX": 0.25, "PhysicalSizeY": 0.25}
    with tifffile.TiffWriter(path, ome=True) as tiff:
        options = {"tile": (256, 256), "photometric": "rgb", "compression": "zlib"}
        tiff.write(first, subifds=len(rest), metadata={"axes": "YXS", **sizes}, **options)
        for level in rest:
            tiff.write(level, subfiletype=1, **options)
    return path


def test_a_large_ome_tiff_goes_to_the_reader_that_sees_its_levels(tmp_path, monkeypatch):
    path = ome_with_subifds(tmp_path / "slide.ome.tif", DISCS)
    with open_slide(path) as slide:
        assert slide.reader == "openslide"
    monkeypatch.setattr(readers, "SINGLE_LEVEL_PX", 500)
    with open_slide(path) as slide:
        assert slide.reader == "tiffslide"
        assert slide.reader_reason == "OpenSlide sees only one level, TiffSlide sees 3"
        assert slide.mpp == (0.25, 0.25)
        assert (slide.read(0, 0, 0, 600, 500) == DISCS).all()


def test_a_large_slide_of_one_level_stays_with_the_first_reader(tmp_path, monkeypatch):
    monkeypatch.setattr(readers, "SINGLE_LEVEL_PX", 500)
    path = write_pyramid_tiff(tmp_path / "one.tiff", [DISCS])
    with open_slide(path) as slide:
        assert slide.reader == "openslide"
        assert slide.reader_reason == "OpenSlide reads this tiled TIFF file"


def test_16_bit_colour_fills_the_range_of_8_bits(tmp_path):
    path = tmp_path / "deep.tif"
    tifffile.imwrite(path, DISCS.astype(np.uint16) * 257, tile=(128, 128), photometric="rgb")
    with open_slide(path) as slide:
        assert slide.reader == "tiffslide"  # OpenSlide keeps the upper 8 bits, whatever they hold
        assert (slide.read(0, 0, 0, 600, 500) == DISCS).all()


def test_16_bit_grey_goes_to_tiffslide_because_openslide_garbles_its_edge(tmp_path):
    path, deep = tmp_path / "deep.tif", DISCS[..., 0].astype(np.uint16) * 257
    tifffile.imwrite(path, deep, tile=(128, 128), photometric="minisblack")
    with open_slide(path) as slide:
        assert slide.reader == "tiffslide"
        assert "garbles the right edge of 16-bit grey tiles" in slide.reader_reason
        assert (slide.read(0, 0, 0, 600, 500) == DISCS).all()


@pytest.mark.parametrize(
    ("pixels", "photometric", "says"),
    [
        (np.zeros((300, 400), np.float32), "minisblack", "its pixels are float32"),
        (255 - DISCS[..., 0], "miniswhite", "its colours are stored as MINISWHITE"),
        (np.zeros((5, 300, 400), np.uint8), "minisblack", "holds 5 grey planes"),
    ],
)
def test_tiffslide_refuses_what_it_would_show_wrongly(tmp_path, pixels, photometric, says):
    path = tmp_path / "odd.tif"
    tifffile.imwrite(path, pixels, tile=(128, 128), photometric=photometric)
    with pytest.raises(SlideError, match=says):
        open_slide(path, reader="tiffslide")


def test_inverted_grey_is_shown_upright_by_whoever_reads_it(tmp_path):
    path = tmp_path / "inverted.tif"
    tifffile.imwrite(path, 255 - DISCS[..., 0], photometric="miniswhite", rowsperstrip=20)
    with open_slide(path) as slide:
        assert slide.reader == "image"
        assert (slide.read(0, 0, 0, 600, 500) == DISCS).all()
