"""Which reader opens which source, why, and the message if none can."""

import os

import numpy as np
import pytest
from PIL import Image

from wsi_scale import open_slide
from wsi_scale.errors import SettingsError, SlideError
from wsi_scale.testing import disc_image, write_pyramid_tiff


@pytest.fixture
def tiled(tmp_path):
    return write_pyramid_tiff(tmp_path / "tiled.tiff", disc_image(20), mpp=0.5)


@pytest.fixture
def stripped(tmp_path):
    path = tmp_path / "stripped.tiff"
    Image.fromarray(disc_image(20)).save(path)
    return path


def test_openslide_comes_first(tiled):
    with open_slide(tiled) as slide:
        assert slide.reader == "openslide"
        assert slide.reader_reason == "OpenSlide reads this tiled TIFF file"


def test_tiffslide_takes_what_openslide_refuses_and_says_so(stripped):
    with open_slide(stripped) as slide:
        assert slide.reader == "tiffslide"
        assert slide.reader_reason == (
            "OpenSlide refused it (Unsupported or missing image file), TiffSlide reads this TIFF"
        )


def test_pillow_takes_plain_images(tmp_path):
    path = tmp_path / "crop.png"
    Image.fromarray(disc_image(20)).save(path)
    with open_slide(path) as slide:
        assert slide.reader == "image"
        assert slide.reader_reason.endswith("Pillow reads this PNG image")


def test_a_named_reader_is_used(tiled):
    for name in ("openslide", "tiffslide", "image"):
        with open_slide(tiled, reader=name) as slide:
            assert slide.reader == name
            assert "was requested" in slide.reader_reason


def test_an_unknown_reader_is_named_with_those_there_are(tiled, refusal):
    message = refusal(tiled, reader="bioformats")
    assert "'bioformats'" in message
    assert "openslide, tiffslide" in message


def test_a_text_source_a_reader_accepts_needs_no_file():
    with open_slide("synthetic:figures?width=400&height=300") as slide:
        assert slide.reader == "synthetic"


def test_a_missing_file_is_said_to_be_missing(tmp_path, refusal):
    for reader in (None, "openslide", "image"):
        assert "there is no file" in refusal(tmp_path / "gone.svs", reader=reader)


def test_a_dicom_folder_is_told_to_open_one_file(tmp_path, refusal):
    (tmp_path / "1.2.dcm").write_bytes(b"x")
    assert refusal(tmp_path).endswith("is a folder; open any one of its .dcm files")


def test_a_zarr_folder_is_not_for_the_other_readers(tmp_path, refusal):
    (tmp_path / "zarr.json").write_text("{}")
    assert "leave out the reader and it opens as OME-Zarr" in refusal(tmp_path, reader="openslide")


def test_another_folder_is_said_to_be_one(tmp_path, refusal):
    assert "is a folder" in refusal(str(tmp_path), reader="tiffslide")


def test_an_empty_file_is_said_to_be_empty(tmp_path, refusal):
    (tmp_path / "empty.svs").touch()
    assert "is empty (0 bytes)" in refusal(tmp_path / "empty.svs")


def test_a_text_file_named_svs_is_refused_with_every_readers_reason(tmp_path, refusal):
    path = tmp_path / "notes.svs"
    path.write_text("these are my notes\n" * 100)
    message = refusal(path)
    assert "OpenSlide: " in message
    assert "Pillow: " in message
    assert message.count(str(path)) == 1


def test_a_cut_off_tiff_is_refused_at_the_latest_when_read(tmp_path, tiled):
    path = tmp_path / "cut.svs"
    path.write_bytes(tiled.read_bytes()[:3000])
    with pytest.raises(SlideError) as caught, open_slide(path) as slide:
        slide.read(0, 0, 0, 600, 500)
    assert "cut.svs" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_without_permission_is_said_to_be_unreadable(tiled, monkeypatch, refusal):
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert "cannot be read by this user" in refusal(tiled)


def test_an_object_that_is_no_image_is_refused(refusal):
    assert "object of type int" in refusal(7)
    assert "object of type list" in refusal([])


def test_a_file_reader_refuses_an_array(refusal):
    assert "cannot open an object" in refusal(np.zeros((9, 9), np.uint8), reader="openslide")


def test_a_name_of_any_letters_opens(tmp_path):
    path = write_pyramid_tiff(tmp_path / "😐 schräg.tiff", disc_image(20), mpp=0.5)
    for name in ("openslide", "tiffslide", "image"):
        with open_slide(path, reader=name) as slide:
            assert slide.read(0, 50, 50, 1, 1).tolist() == [[[60, 60, 60]]]


def test_a_relative_path_stays_as_the_user_wrote_it(tiled, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with open_slide("tiled.tiff") as slide:
        assert slide.path == "tiled.tiff"


def test_the_files_own_resolution_is_found(tiled):
    with open_slide(tiled) as slide:
        assert slide.mpp == pytest.approx((0.5, 0.5))
        assert slide.mpp_source == "openslide.mpp-x"


def test_pixels_that_are_not_square_keep_both_sides(tmp_path):
    path = write_pyramid_tiff(tmp_path / "wide.tiff", disc_image(20), mpp=(0.5, 0.25))
    for name in ("openslide", "tiffslide", "image"):
        with open_slide(path, reader=name) as slide:
            assert slide.mpp == pytest.approx((0.5, 0.25), rel=1e-6)


def test_a_given_mpp_wins_and_leaves_the_files_own_in_the_audit(tiled):
    with open_slide(tiled, mpp=0.25) as slide:
        assert slide.mpp == (0.25, 0.25)
        assert slide.mpp_source == "given"
        assert [f.source for f in slide.audit if f.status == "used"] == ["given"]
        own = next(f for f in slide.audit if f.source == "openslide.mpp-x")
        assert own.status == "conflicts"
        assert own.mpp == pytest.approx(0.5)


def test_a_given_mpp_may_be_a_pair(tiled):
    with open_slide(tiled, mpp=(0.5, 0.25)) as slide:
        assert slide.mpp == (0.5, 0.25)
        own = {f.source: f.status for f in slide.audit}
        assert own["openslide.mpp-x"] == "agrees"
        assert own["openslide.mpp-y"] == "conflicts"


def test_a_given_mpp_keeps_what_a_drawn_slide_says_visible():
    with open_slide("synthetic:tissue?mpp=0.5", mpp=0.25) as slide:
        assert [(f.source, f.status) for f in slide.audit] == [
            ("given", "used"),
            ("synthetic.mpp", "conflicts"),
        ]


@pytest.mark.parametrize("mpp", [0, -1, float("nan"), float("inf"), (0.5, 0), (1, 2, 3), "x"])
def test_an_impossible_mpp_is_refused(tiled, mpp):
    with pytest.raises(SettingsError, match="mpp must be"):
        open_slide(tiled, mpp=mpp)
