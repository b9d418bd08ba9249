"""Real slides, broken files, and how closely two readers agree on the same file."""

import numpy as np
import pytest

from wsi_scale import open_slide
from wsi_scale.errors import SlideError

pytestmark = pytest.mark.real


def level_of(slide, level):
    have = slide.levels[level]
    return slide.read(level, 0, 0, have.width, have.height).astype(int)


@pytest.fixture
def slides(real_data):
    return real_data / "slides"


@pytest.mark.parametrize(
    "name", ["CMU-1-Small-Region.svs", "test3-DAPI.ndpi", "boxes.tiff"], ids=["svs", "ndpi", "tiff"]
)
def test_openslide_and_tiffslide_decode_the_same_pixels(slides, name):
    with (
        open_slide(slides / name, reader="openslide") as one,
        open_slide(slides / name, reader="tiffslide") as other,
    ):
        assert one.mpp == other.mpp
        assert one.objective_power == other.objective_power
        shared = min(len(one.levels), len(other.levels))
        assert one.levels[:shared] == other.levels[:shared]
        for level in range(shared):
            assert (level_of(one, level) == level_of(other, level)).all()


def test_uneven_levels_agree_at_the_far_corner(slides):
    with (
        open_slide(slides / "boxes.tiff", reader="openslide") as one,
        open_slide(slides / "boxes.tiff", reader="tiffslide") as other,
    ):
        for level, have in enumerate(one.levels):
            place = (level, have.width - 9, have.height - 7, 9, 7)
            off = np.abs(one.read(*place).astype(int) - other.read(*place))
            # red boxes on white: half a level-0 px of shift at an edge, at downsample 2 and up
            assert off.mean() <= 255 * 0.5 / have.downsample


def test_an_aperio_slide_says_what_it_is(slides):
    with open_slide(slides / "CMU-1-Small-Region.svs") as slide:
        assert slide.reader_reason == (
            "OpenSlide reads this Aperio file, and its JPEG tiles are decoded without it"
        )
        assert (slide.levels[0].width, slide.levels[0].height) == (2220, 2967)
        assert slide.mpp == (0.499, 0.499)
        assert slide.mpp_source == "aperio.MPP"
        assert slide.objective_power == 20


def test_dicom_shows_the_same_region_as_svs(slides):
    dicom = next((slides / "CMU-1-Small-Region-dicom").glob("*.dcm"))
    with open_slide(slides / "CMU-1-Small-Region.svs") as svs, open_slide(dicom) as other:
        assert other.reader_reason == "OpenSlide reads this DICOM file"
        assert other.mpp == pytest.approx(svs.mpp)
        assert other.objective_power is None
        assert other.levels == svs.levels
        off = level_of(svs, 0).mean(axis=2) - level_of(other, 0).mean(axis=2)
    # the DICOM is a second JPEG with coarser colour: 1.05 grey levels apart, 5.4 if moved by 1 px
    assert np.abs(off).mean() < 1.5
    assert abs(off.mean()) < 0.5


def test_a_dicom_folder_is_told_to_open_one_file(slides):
    with pytest.raises(SlideError, match=r"open any one of its \.dcm files"):
        open_slide(slides / "CMU-1-Small-Region-dicom")


def test_a_fluorescence_slide_keeps_its_dark_background(slides):
    with open_slide(slides / "test3-DAPI.ndpi") as slide:
        assert len(slide.levels) == 7
        assert slide.mpp == pytest.approx((0.228175, 0.228175), rel=1e-5)
        assert slide.objective_power == 40
        assert slide.thumbnail(200).mean() < 60


def test_a_print_resolution_counts_as_none(slides):
    for reader in ("openslide", "tiffslide", "image"):
        with open_slide(slides / "boxes.tiff", reader=reader) as slide:
            assert slide.mpp is None
            assert {finding.status for finding in slide.audit} == {"nonsense"}


def test_a_tiff_that_openslide_refuses_is_read_by_tiffslide(real_data):
    with open_slide(real_data / "images" / "instanseg-HE_example.tif") as slide:
        assert slide.reader == "tiffslide"
        assert slide.mpp == pytest.approx((0.50008, 0.50008), rel=1e-5)
        assert slide.mpp_source == "ome.PhysicalSizeX"
        assert {finding.status for finding in slide.audit} == {"used", "agrees"}


def test_a_plain_image_is_read_by_pillow(real_data):
    with open_slide(real_data / "images" / "torchstain-source.png") as slide:
        assert slide.reader == "image"
        assert slide.mpp is None
        assert 50 < level_of(slide, 0).mean() < 250


BROKEN = ["not-a-slide.svs", "truncated.svs", "unreadable.svs", "unopenable.tiff", "not-wsi.dcm"]


# libtiff, which Pillow uses, also writes to stderr; the error is one sentence anyway
@pytest.mark.parametrize("reader", [None, "openslide", "tiffslide", "image"])
@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_one_sentence_at_the_latest_when_it_is_read(real_data, name, reader):
    with (
        pytest.raises(SlideError) as caught,
        open_slide(real_data / "broken" / name, reader=reader) as slide,
    ):
        slide.read(0, 0, 0, slide.levels[0].width, slide.levels[0].height)
    message = str(caught.value)
    assert name in message
    assert "\n" not in message
    assert not message.endswith(".")
    assert caught.value.__cause__ is None
