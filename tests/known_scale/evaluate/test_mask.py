"""Masks of every image format: their pixels in patches, counted by hand."""

import numpy as np
import pytest
from PIL import Image

from wsi_scale.errors import SettingsError, SlideError
from wsi_scale.geometry import Site
from wsi_scale.known_scale.evaluate.mask import Overlap, count_overlap, join, mask_of_patch
from wsi_scale.slide.readers._labels import label_size, read_labelled

LABELS = np.zeros((30, 40), np.uint8)
LABELS[10:20, 15:35] = 7


def test_a_patch_at_scale_1_is_a_cut_of_the_mask():
    mask = LABELS != 0
    patch = mask_of_patch(mask, Site(20, 15), 10, 10)
    assert np.array_equal(patch, mask[10:20, 15:25])


def test_a_patch_at_scale_2_takes_the_middle_of_every_second_pixel():
    mask = LABELS != 0
    patch = mask_of_patch(mask, Site(20, 15), 20, 10)
    assert np.array_equal(patch, mask[6:26:2, 11:31:2])


def test_dice_is_counted_over_all_patches_of_a_scale():
    found, true = np.zeros((3, 2, 2), bool), np.zeros((3, 2, 2), bool)
    found[0] = [[1, 1], [0, 0]]
    true[0] = [[1, 0], [1, 0]]  # scale 1: both 1, found 2, true 2
    true[1] = True  # scale 1 again: both 0, found 0, true 4
    overlap = count_overlap([1.0, 1.0, 2.0], found, true)
    dice = overlap.dice(np.array([1.0, 2.0, 4.0]))
    assert dice[0] == pytest.approx(2 * 1 / (2 + 2 + 4))
    assert np.isnan(dice[1:]).all()  # nothing to find and nothing found; nothing measured


def test_overlaps_are_joined_and_come_back_from_a_file(tmp_path):
    one = count_overlap([1.0], np.ones((1, 2, 2), bool), np.ones((1, 2, 2), bool))
    both = join([one, one])
    both.save(tmp_path / "x.npz")
    assert Overlap.load(tmp_path / "x.npz").both.tolist() == [4, 4]
    (tmp_path / "x.npz").write_bytes(b"no")
    with pytest.raises(SettingsError, match="is damaged"):
        Overlap.load(tmp_path / "x.npz")


def test_labels_are_read_from_grey_deep_palette_and_coloured_images(tmp_path):
    colours = np.zeros((30, 40, 4), np.uint8)
    colours[..., 3] = 255
    colours[LABELS > 0, 1] = 9
    palette = Image.fromarray(LABELS).convert("P")
    images = {
        "grey.png": Image.fromarray(LABELS),
        "deep.png": Image.fromarray(LABELS.astype(np.uint16) * 256),
        "deep.tif": Image.fromarray(LABELS.astype(np.int32) * 70000),
        "bits.png": Image.fromarray(LABELS > 0),
        "colours.png": Image.fromarray(colours),
    }
    palette.save(tmp_path / "palette.png")
    for name, image in images.items():
        image.save(tmp_path / name)
    for name in (*images, "palette.png"):
        path = str(tmp_path / name)
        assert label_size(path) == (40, 30), name
        assert np.array_equal(read_labelled(path), LABELS > 0), name


def test_what_is_no_image_is_told(tmp_path):
    path = tmp_path / "mask.png"
    path.write_bytes(b"no")
    for read in (label_size, read_labelled):
        with pytest.raises(SlideError, match=r"mask\.png"):
            read(str(path))
    with pytest.raises(SlideError, match="No such file"):
        label_size(str(tmp_path / "none.png"))
