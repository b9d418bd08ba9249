"""Stored images equal the drawn ones; each is written once."""

import csv
import shutil
from collections import namedtuple

import numpy as np
import pytest
from PIL import Image as PillowImage

from wsi_scale.errors import OutputError, SettingsError, SlideError
from wsi_scale.known_scale.thesis.images import list_images
from wsi_scale.known_scale.thesis.train import Recipe, cut_patches
from wsi_scale.known_scale.thesis.write_images import (
    ImageSet,
    begin,
    check_stored,
    needed_bytes,
    png,
    write_dataset,
)
from wsi_scale.slide.readers.synthetic import FIGURE_CLASSES


def quiet(*_):
    """A progress callback that does nothing."""


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """All 100 test images, small."""
    folder = tmp_path_factory.mktemp("images") / "set"
    dataset = ImageSet(folder, side=200, splits=("test",))
    assert write_dataset(begin(dataset), 2, quiet) == 100
    return dataset


def test_a_stored_image_is_the_drawn_one(stored):
    image = list_images("test", 0)[37]
    with PillowImage.open(stored.folder / image.file) as file:
        assert (np.asarray(file) == image.draw(200).read(0, 0, 0, 200, 200)).all()


def test_the_manifest_lists_exactly_the_files(stored):
    with (stored.folder / "manifest.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    listed = {row["slide"] for row in rows}
    there = {path.relative_to(stored.folder).as_posix() for path in stored.folder.rglob("*.png")}
    assert listed == there
    assert len({row["group"] for row in rows}) == 100
    assert {row["class"] for row in rows} == set(FIGURE_CLASSES)
    assert {row["split"] for row in rows} == {"test"}


def test_running_again_draws_only_what_is_missing(stored):
    paths = sorted(stored.folder.rglob("*.png"))
    content, times = paths[5].read_bytes(), {path: path.stat().st_mtime_ns for path in paths}
    paths[5].unlink()
    write_dataset(begin(stored), 1, quiet)
    assert paths[5].read_bytes() == content
    changed = [path for path in paths if path.stat().st_mtime_ns != times[path]]
    assert changed == [paths[5]]


@pytest.mark.parametrize("length", [0, 8, 300])
def test_a_file_that_was_cut_off_is_drawn_again(stored, length):
    path = sorted(stored.folder.rglob("*.png"))[7]
    content = path.read_bytes()
    path.write_bytes(content[:length])
    work = begin(stored)
    assert [image.file for image in work.missing] == [path.relative_to(stored.folder).as_posix()]
    write_dataset(work, 1, quiet)
    assert path.read_bytes() == content


def test_a_folder_of_other_images_is_refused_and_left_alone(stored):
    before = sorted(stored.folder.rglob("*"))
    with pytest.raises(SettingsError, match=r"was made with noise 0.0, not 50; choose another"):
        begin(ImageSet(stored.folder, noise=50, side=200))
    assert sorted(stored.folder.rglob("*")) == before


def test_images_drawn_by_another_version_are_not_mixed_in(stored, monkeypatch):
    monkeypatch.setattr("wsi_scale.known_scale.thesis.write_images.VERSION", 2)
    with pytest.raises(SettingsError, match="was made with version 1, not 2; choose another"):
        begin(stored)


def test_a_disk_without_room_is_refused_and_the_folder_is_still_free(tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10, 9, 1))
    dataset = ImageSet(tmp_path / "set", side=200)
    with pytest.raises(OutputError, match=r"300 images take about .* GB, but .* has only 0.0 GB"):
        begin(dataset)
    assert list(tmp_path.iterdir()) == []


def test_the_room_needed_is_told_about_right(stored):
    taken = sum(path.stat().st_size for path in stored.folder.rglob("*.png"))
    assert needed_bytes(stored, 100) == pytest.approx(taken, rel=0.2)


def test_noisy_images_differ_from_clean_ones_and_between_seeds(tmp_path):
    pictures = []
    for options in ({}, {"noise": 50.0}, {"noise": 50.0, "grain": 2}, {"seed": 1}):
        dataset = ImageSet(tmp_path, side=64, **options)
        image = next(dataset.images())
        drawn = image.draw(64, noise=dataset.noise, grain=dataset.grain)
        pictures.append(png(drawn.read(0, 0, 0, 64, 64)))
    assert len(set(pictures)) == 4


def test_training_and_test_images_are_never_the_same():
    seeds = {split: {x.seed for x in list_images(split, 0)} for split in ("train", "test")}
    assert len(seeds["train"]) == 200
    assert len(seeds["test"]) == 100
    assert not seeds["train"] & seeds["test"]


def test_the_first_images_are_those_that_the_shipped_networks_saw():
    """Changing these changes every network; see their cards."""
    train, test = (list_images(split, 0) for split in ("train", "test"))
    assert (train[0].seed, train[-1].seed, test[-1].seed) == (1495516105, 1201150471, 406634969)
    assert train[0].places.shape == (20, 2)


def test_a_missing_stored_image_names_the_command_that_makes_it(stored):
    image = list_images("train", 0)[0]
    with pytest.raises(SlideError, match="is missing; make it with wsi-scale thesis dataset"):
        image.open(stored.folder)


def test_images_of_another_seed_or_side_are_not_taken_for_those_asked_for(tmp_path):
    """Their files have the same names."""
    with pytest.raises(SettingsError, match=r"no stored images; make them with .* --seed 2"):
        check_stored(tmp_path, 2)
    begin(ImageSet(tmp_path / "whole", noise=50, seed=2))
    check_stored(tmp_path / "whole", 2)
    with pytest.raises(SettingsError, match="was made with seed 2, not 0; choose other images"):
        check_stored(tmp_path / "whole", 0)
    begin(ImageSet(tmp_path / "small", side=200))
    with pytest.raises(SettingsError, match="was made with side 200, not 5000"):
        check_stored(tmp_path / "small", 0)


def test_patches_of_stored_images_are_those_of_drawn_ones(tmp_path):
    """At level 0; a drawn image with coarser levels is read through these."""
    image = next(x for x in list_images("test", 0) if x.downsamples == (1.0,))
    path = tmp_path / image.file
    path.parent.mkdir()
    path.write_bytes(png(image.draw().read(0, 0, 0, 5000, 5000)))
    drawn, labels = cut_patches([image], Recipe(5.0), quiet)
    stored, _ = cut_patches([image], Recipe(5.0), quiet, tmp_path)
    assert (stored == drawn).all()
    assert labels.tolist() == [image.kind] * 4
    with pytest.raises(SettingsError, match="leave out --images"):
        cut_patches([image], Recipe(30.0), quiet, tmp_path)


@pytest.mark.parametrize(
    ("options", "says"),
    [({"seed": -1}, "the seed must be 0 or more"), ({"splits": ("dev",)}, "unknown split 'dev'")],
)
def test_what_cannot_be_is_refused(tmp_path, options, says):
    with pytest.raises(SettingsError, match=says):
        ImageSet(tmp_path, **options)
