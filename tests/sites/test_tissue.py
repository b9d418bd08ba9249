"""The mask finds tissue, and is empty if there is none."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from wsi_scale.sites.tissue import tissue_mask

GLASS, STAIN = (240, 238, 241), (205, 140, 190)
ROWS, COLUMNS = np.mgrid[:300, :400]
BLOB = ((COLUMNS - 220) / 90) ** 2 + ((ROWS - 150) / 60) ** 2 < 1


def picture(background, blob=None, *, noise=2.0, seed=0):
    out = np.empty((300, 400, 3))
    out[:] = background
    if blob is not None:
        out[BLOB] = blob
    out += np.random.default_rng(seed).normal(0, noise, out.shape)
    return np.clip(out, 0, 255).astype(np.uint8)


def overlap(mask, truth):
    return (mask & truth).sum() / (mask | truth).sum()


@pytest.mark.parametrize("colour", [(255,) * 3, (225,) * 3, (0,) * 3])
def test_bare_glass_and_plain_black_hold_nothing(colour):
    assert not tissue_mask(picture(colour, noise=0)).any()


@pytest.mark.parametrize("colour", [(254, 254, 255), GLASS, (222, 220, 214)])
def test_glass_with_camera_noise_holds_nothing(colour):
    assert not tissue_mask(picture(colour, noise=4)).any()


@pytest.mark.parametrize("glass", [(255, 255, 255), GLASS, (222, 220, 214)])
@pytest.mark.parametrize("stain", [STAIN, (120, 60, 140), (222, 195, 214)])
def test_stained_tissue_on_glass_is_found(glass, stain):
    assert overlap(tissue_mask(picture(glass, stain)), BLOB) > 0.93


@pytest.mark.parametrize("shine", [(0, 0, 40), (0, 200, 0), (90, 90, 90), (255, 255, 255)])
def test_in_the_dark_field_what_shines_is_found(shine):
    assert overlap(tissue_mask(picture((3, 3, 3), shine)), BLOB) > 0.93


def test_dim_and_bright_parts_of_a_dark_field_are_both_found():
    dark = picture((0, 0, 0), (0, 0, 40))
    dark[20:60, 20:60] = (0, 250, 0)
    mask = tissue_mask(dark)
    assert mask[25:55, 25:55].all()
    assert mask[BLOB].mean() > 0.95


def test_black_that_a_scanner_left_out_is_not_tissue():
    scan = np.zeros((300, 400, 3), np.uint8)
    scan[40:260, 90:360] = picture(GLASS, STAIN)[40:260, 90:360]
    assert overlap(tissue_mask(scan), BLOB) > 0.9


def test_black_figures_on_white_are_tissue():
    assert overlap(tissue_mask(picture((255, 255, 255), (0, 0, 0))), BLOB) > 0.93


def test_tissue_from_edge_to_edge_is_not_split():
    nuclei = np.random.default_rng(1).random((300, 400)) < 0.3
    pink = picture(STAIN)
    pink[nuclei] = (90, 50, 130)
    assert tissue_mask(pink).all()


def test_texture_too_fine_for_the_picture_is_still_tissue():
    assert tissue_mask(picture(STAIN, noise=0)).all()


def test_dense_figures_on_white_blend_into_one_area():
    random = np.random.default_rng(0)
    canvas = Image.new("RGB", (3000, 3000), "white")
    draw = ImageDraw.Draw(canvas)
    for x, y in random.uniform(-20, 3000, (3600, 2)):
        colour = ("red", "lime", "blue", "yellow", "purple")[random.integers(5)]
        draw.ellipse([x, y, x + 40, y + 40], fill=colour)
    assert tissue_mask(np.asarray(canvas.resize((1000, 1000)))).mean() > 0.95


def test_specks_are_dropped_and_holes_filled():
    dirty = picture(GLASS, STAIN, noise=0)
    dirty[10, 10] = dirty[250, 40] = (0, 0, 0)
    dirty[145:152, 215:222] = GLASS
    mask = tissue_mask(dirty)
    assert overlap(mask, BLOB) > 0.93
    assert mask[145:152, 215:222].all()
    assert not mask[:30, :30].any()


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (7, 3)])
def test_tiny_pictures_are_no_trouble(shape):
    speckled = np.random.default_rng(0).integers(0, 255, (*shape, 3), dtype=np.uint8)
    assert tissue_mask(speckled).shape == shape


@pytest.mark.real
def test_wholly_tissue_crops_are_tissue_throughout(real_data):
    crops = sorted((real_data / "nuclei" / "images").glob("*.jpg"))
    assert crops
    for crop in crops:
        assert tissue_mask(np.asarray(Image.open(crop).convert("RGB"))).mean() >= 0.9, crop.name


@pytest.mark.real
@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("instanseg-HE_example.tif", 0.65, 0.80),  # a tissue-array core on grey glass
        ("skimage-ihc.png", 0.6, 1.0),
        ("torchstain-source.png", 0.9, 1.0),
        ("torchstain-target.png", 0.85, 1.0),
    ],
)
def test_real_images_have_about_the_tissue_one_sees(real_data, name, low, high):
    image = Image.open(real_data / "images" / name).convert("RGB")
    image.thumbnail((1024, 1024))
    assert low <= tissue_mask(np.asarray(image)).mean() <= high


@pytest.mark.real
@pytest.mark.parametrize(
    ("name", "low", "high"),
    [("CMU-1-Small-Region.svs", 0.33, 0.45), ("test3-DAPI.ndpi", 0.3, 0.6)],
)
def test_real_slides_have_about_the_tissue_one_sees(real_data, name, low, high):
    openslide = pytest.importorskip("openslide")
    with openslide.OpenSlide(real_data / "slides" / name) as slide:
        picture_ = np.asarray(slide.get_thumbnail((1024, 1024)).convert("RGB"))
    assert low <= tissue_mask(picture_).mean() <= high
