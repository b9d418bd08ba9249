"""The slide is what is read: no macro, no preview, no single plane, no twelve bits left dark."""

import os
import shutil
import struct

import imagecodecs
import numpy as np
import pytest
import tifffile
import zarr
from PIL import Image

from wsi_scale import open_slide
from wsi_scale.errors import WrongImageError
from wsi_scale.testing import disc_image, write_pyramid_tiff


@pytest.fixture(scope="module")
def colours(cases):
    """A piece of H&E, (320, 256, 3)."""
    with Image.open(cases / "a_20x.jpg") as image:
        return np.asarray(image.convert("RGB"))[:320, :256].copy()


def looks_like(slide, pixels, off=2.0):
    """Whether a slide shows these pixels, give or take ``off`` grey levels on average."""
    height, width = pixels.shape[:2]
    seen = slide.read(0, 0, 0, width, height).astype(float)
    return np.abs(seen - pixels).mean() < off


TILES = pytest.mark.parametrize("tile", [None, (64, 64)], ids=["strips", "tiles"])


def test_the_largest_image_is_the_slide_and_the_macro_is_named(cases):
    with open_slide(cases / "macro_first.ome.tif") as slide:
        assert [(x.width, x.height) for x in slide.levels] == [(1024, 1024), (512, 512)]
        assert slide.mpp == (0.499, 0.499)
        assert slide.notes == (
            "of the file's 2 images scan (1024 × 1024 px) is read, and not macro (240 × 560 px)",
        )


@TILES
def test_a_macro_before_the_slide_is_passed_over_without_ome_too(tmp_path, colours, tile):
    path = tmp_path / "macro_first.tif"
    with tifffile.TiffWriter(path) as tiff:
        how = {"photometric": "rgb", "metadata": None, "tile": tile}
        tiff.write(colours[:96, :80].copy(), description="MPP = 16", **how)
        tiff.write(colours, description="MPP = 0.5", **how)
    with open_slide(path) as slide:
        assert looks_like(slide, colours)
        assert slide.mpp == (0.5, 0.5)
        assert "and not one of 80 × 96 px" in slide.notes[0]


def test_a_label_larger_than_the_scan_is_not_the_slide(tmp_path, colours):
    path = tmp_path / "label.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as tiff:
        tiff.write(colours, photometric="rgb", metadata={"Name": "label image"})
        tiff.write(colours[:200, :200].copy(), photometric="rgb", metadata={"Name": "scan"})
    with open_slide(path) as slide:
        assert (slide.levels[0].width, slide.levels[0].height) == (200, 200)


@TILES
def test_a_file_of_previews_only_is_refused_by_their_names(tmp_path, colours, refusal, tile):
    path = tmp_path / "previews.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as tiff:
        for name in ("Macro", "thumbnail"):
            tiff.write(colours, photometric="rgb", tile=tile, metadata={"Name": name})
    assert "no slide but Macro (256 × 320 px) and thumbnail" in refusal(path)


@pytest.mark.parametrize("reader", [None, "image"])
def test_a_mrxs_without_its_folder_is_refused_by_the_folders_name(cases, refusal, reader):
    message = refusal(cases / "lonely.mrxs", reader=reader)
    assert f"the folder {cases / 'lonely'} with the pixels is missing" in message


def test_a_mrxs_whose_folder_is_incomplete_never_shows_its_preview(cases, tmp_path, refusal):
    path, folder = tmp_path / "S.MRXS", tmp_path / "S"
    shutil.copy(cases / "lonely.mrxs", path)
    folder.mkdir()
    assert f"its folder {folder} lacks Slidedat.ini" in refusal(path)
    (folder / "Slidedat.ini").write_text("[GENERAL]\nSLIDE_ID=x\n")
    assert "OpenSlide: " in refusal(path)


def test_a_vms_without_its_images_names_the_first(tmp_path, refusal):
    path = tmp_path / "s.vms"
    path.write_text("[Virtual Microscope Specimen]\nImageFile=s-0.jpg\nMapFile=s-map.jpg\n")
    assert "lacks s-0.jpg and 1 more, which it lists" in refusal(path)


def test_a_vsi_is_only_a_preview_and_says_where_its_pixels_lie(tmp_path, colours, refusal):
    path = tmp_path / "slide.vsi"
    tifffile.imwrite(path, colours, photometric="rgb")
    assert "the folder _slide_" in refusal(path)


def test_a_leica_file_with_its_macro_only_is_refused(cases, tmp_path, refusal):
    data = (cases / "bounds_far.scn").read_bytes()
    of_scan = b'sizeX="512000" sizeY="512000" offsetX="1500000" offsetY="4000000"'
    of_all = b'sizeX="6000000" sizeY="9000000" offsetX="0" offsetY="0"'
    path = tmp_path / "macro.scn"
    path.write_bytes(data.replace(of_scan, of_all.ljust(len(of_scan))))
    assert "main image" in refusal(path)


@pytest.mark.real
def test_a_hamamatsu_macro_is_no_slide(real_data, tmp_path, refusal):
    source = real_data / "slides" / "test3-DAPI.ndpi"
    data = bytearray(source.read_bytes())
    with tifffile.TiffFile(source) as tiff:
        for page in tiff.pages:
            struct.pack_into("<f", data, page.tags[65421].valueoffset, -1.0)
    path = tmp_path / "macro.ndpi"
    path.write_bytes(data)
    assert "no slide but the macro or the map" in refusal(path)


@pytest.mark.real
def test_a_dicom_label_alone_is_no_slide(real_data, tmp_path, refusal):
    names = sorted((real_data / "slides" / "CMU-1-Small-Region-dicom").iterdir())
    path = tmp_path / "label.dcm"
    shutil.copy(names[0], path)
    assert "only a label, overview or thumbnail" in refusal(path)


def test_three_planes_without_names_are_colours(cases):
    with open_slide(cases / "rgb_as_channels.ome.tif") as slide:
        red, green, blue = slide.thumbnail(64).mean(axis=(0, 1))
        assert red > blue > green + 20
        assert "3 planes are read as red, green and blue" in slide.notes[0]


def as_channels(path, planes, tile, names=None):
    metadata = {"axes": "CYX"} | ({} if names is None else {"Channel": {"Name": names}})
    tifffile.imwrite(path, planes, photometric="minisblack", tile=tile, metadata=metadata)
    return path


@TILES
def test_planes_named_in_another_order_are_put_right(tmp_path, colours, tile):
    planes = np.moveaxis(colours, 2, 0)[::-1].copy()
    path = as_channels(tmp_path / "bgr.ome.tif", planes, tile, ["Blue", "Green", "Red"])
    with open_slide(path) as slide:
        assert looks_like(slide, colours, 0.1)


@TILES
def test_dyes_are_refused_by_name(tmp_path, colours, refusal, tile):
    planes = np.moveaxis(colours, 2, 0).copy()
    path = as_channels(tmp_path / "dyes.ome.tif", planes, tile, ["DAPI", "FITC", "TRITC"])
    assert "holds 3 grey planes (DAPI, FITC, TRITC)" in refusal(path)


@TILES
@pytest.mark.parametrize("many", [2, 4, 5])
def test_any_other_number_of_planes_is_refused(tmp_path, colours, refusal, tile, many):
    planes = np.stack([colours[..., 0]] * many)
    assert f"holds {many} grey planes" in refusal(as_channels(tmp_path / "m.ome.tif", planes, tile))


@TILES
def test_pages_that_nothing_calls_colours_are_refused(tmp_path, colours, refusal, tile):
    path = tmp_path / "pages.tif"
    tifffile.imwrite(
        path, np.moveaxis(colours, 2, 0).copy(), photometric="minisblack", tile=tile, metadata=None
    )
    assert "nothing says that they are red, green and blue" in refusal(path)


def test_dyes_in_an_ome_zarr_are_refused_by_name(tmp_path, colours, refusal):
    path = zarr_of(tmp_path / "dyes.zarr", np.moveaxis(colours, 2, 0), ["DAPI", "FITC", "TRITC"])
    assert "its channels are DAPI, FITC, TRITC" in refusal(path)


def zarr_of(path, planes, names=("Red", "Green", "Blue")):
    group = zarr.open_group(path, mode="w", zarr_format=3)
    group.create_array("0", shape=planes.shape, chunks=(1, 64, 64), dtype=planes.dtype)[:] = planes
    axes = [{"name": "c", "type": "channel"}, *({"name": x, "type": "space"} for x in "yx")]
    group.attrs["ome"] = {
        "version": "0.5",
        "multiscales": [{"axes": axes, "datasets": [{"path": "0"}]}],
        "omero": {"channels": [{"label": name} for name in names]},
    }
    return path


def test_twelve_bits_in_sixteen_are_not_shown_dark(cases):
    with open_slide(cases / "rgb12in16.tif") as slide:
        assert slide.read(0, 0, 0, 160, 160).max() > 240
        assert "values up to 4095 are scaled to 255" in slide.notes[0]


def deep(colours, bits):
    return np.rint(colours.astype(float) / 255 * ((1 << bits) - 1)).astype(np.uint16)


@TILES
@pytest.mark.parametrize("bits", [10, 12, 14, 16])
def test_any_depth_fills_the_range_of_8_bits(tmp_path, colours, tile, bits):
    path = tmp_path / "deep.tif"
    tifffile.imwrite(path, deep(colours, bits), photometric="rgb", tile=tile)
    with open_slide(path) as slide:
        assert looks_like(slide, colours, 0.6)
        assert bool(slide.notes) == (bits < 16)


@TILES
def test_the_depth_that_ome_states_counts_before_the_brightest_pixel(tmp_path, colours, tile):
    path = tmp_path / "dark.ome.tif"
    dark = colours // 8
    tifffile.imwrite(
        path,
        deep(dark, 12),
        photometric="rgb",
        tile=tile,
        metadata={"axes": "YXS", "SignificantBits": 12},
    )
    with open_slide(path) as slide:
        assert looks_like(slide, dark, 0.6)
        assert "as the file says (12 significant bits)" in slide.notes[0]


def test_the_largest_sample_that_a_tag_states_counts(tmp_path, colours):
    path, dark = tmp_path / "dark.tif", colours // 8
    most = [(281, 3, 3, (4095, 4095, 4095), True)]
    tifffile.imwrite(path, deep(dark, 12), photometric="rgb", extratags=most)
    with open_slide(path) as slide:
        assert looks_like(slide, dark, 0.6)


@pytest.mark.parametrize("bits", [12, 16])
@pytest.mark.parametrize("ending", ["png", "jp2"])
def test_a_plain_image_of_16_bit_colours_keeps_its_depth(tmp_path, colours, bits, ending):
    path = tmp_path / f"deep.{ending}"
    encode = imagecodecs.png_encode if ending == "png" else imagecodecs.jpeg2k_encode
    path.write_bytes(encode(deep(colours, bits), level=0))
    with open_slide(path) as slide:
        assert looks_like(slide, colours, 0.6)


@TILES
def test_planes_of_16_bit_colours_keep_their_depth(tmp_path, colours, tile):
    path, planes = tmp_path / "planar.tif", np.moveaxis(deep(colours, 12), 2, 0).copy()
    tifffile.imwrite(path, planes, photometric="rgb", planarconfig="separate", tile=tile)
    with open_slide(path) as slide:
        assert looks_like(slide, colours, 0.6)


@TILES
def test_alpha_does_not_say_which_value_is_white(tmp_path, colours, tile):
    path = tmp_path / "alpha.tif"
    pixels = np.dstack([deep(colours, 12), np.full(colours.shape[:2], 65535, np.uint16)])
    tifffile.imwrite(path, pixels, photometric="rgb", extrasamples=["unassalpha"], tile=tile)
    with open_slide(path) as slide:
        assert looks_like(slide, colours, 0.6)


def test_two_scans_of_one_size_are_told_apart_by_their_names(tmp_path, colours):
    path = tmp_path / "two.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as tiff:
        for name, mpp in (("left", 0.5), ("right", 0.25)):
            about = {"Name": name, "PhysicalSizeX": mpp, "PhysicalSizeY": mpp}
            tiff.write(colours, photometric="rgb", tile=(64, 64), metadata=about)
    with open_slide(path) as slide:
        assert slide.mpp == (0.5, 0.5)
        assert slide.notes[0].endswith("left (256 × 320 px) is read, and not right (256 × 320 px)")


def test_twelve_bits_in_an_ome_zarr_are_not_shown_dark(tmp_path, colours):
    path = zarr_of(tmp_path / "deep.zarr", np.moveaxis(deep(colours, 12), 2, 0))
    with open_slide(path) as slide:
        assert looks_like(slide, colours, 0.6)
        assert "12 bits" in slide.notes[0]


def test_an_ordinary_pyramid_stays_with_openslide_without_a_note(tmp_path):
    path = write_pyramid_tiff(tmp_path / "plain.tiff", disc_image(20), mpp=0.5)
    with open_slide(path) as slide:
        assert (slide.reader, slide.notes) == ("openslide", ())
        assert os.path.samefile(slide.path, path)


def test_a_wrong_image_is_an_error_of_its_own(cases):
    with pytest.raises(WrongImageError):
        open_slide(cases / "lonely.mrxs")
