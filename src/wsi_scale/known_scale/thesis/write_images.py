"""Writes the model problem's images as files, to view them or to use them elsewhere.

wsi-scale itself does not need the files, because it draws the same images on demand.
"""

from __future__ import annotations

import csv
import io
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from wsi_scale.errors import OutputError, SettingsError
from wsi_scale.known_scale.thesis.images import PER_CLASS, SIDE, Image, list_images
from wsi_scale.plumbing.claims import claim, read_note, refuse_others
from wsi_scale.plumbing.files import write_atomically
from wsi_scale.plumbing.processes import Tell, in_processes, stopping
from wsi_scale.slide.readers.synthetic import FIGURE_CLASSES

VERSION = 1
"""Increased when the same settings draw other pixels, so that the two are never mixed."""

_PNG_END = b"\0\0\0\0IEND\xaeB`\x82"
_CROP = 500  # side in px of the crops from which the space for all images is estimated
_ROOM_TO_SPARE = 1.1


@dataclass(frozen=True)
class ImageSet:
    """Everything on which the pixels depend, and the folder for the files."""

    folder: Path
    noise: float = 0.0
    """Standard deviation of the noise in grey levels; 0 = none."""
    grain: int = 1
    """Side in px of the square that shares one value of the noise."""
    seed: int = 0
    side: int = SIDE
    splits: tuple[str, ...] = tuple(PER_CLASS)

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise SettingsError(f"the seed must be 0 or more, got {self.seed}")
        for split in self.splits:
            if split not in PER_CLASS:
                known = ", ".join(["both", *PER_CLASS])
                raise SettingsError(f"unknown split {split!r}; choose from {known}")

    def describe(self) -> dict[str, Any]:
        """The settings, for ``dataset.json``."""
        return {
            "noise": self.noise,
            "grain": self.grain,
            "seed": self.seed,
            "side": self.side,
            "version": VERSION,
        }

    def images(self) -> Iterator[Image]:
        """All images of the splits."""
        for split in self.splits:
            yield from list_images(split, self.seed)

    def missing(self) -> list[Image]:
        """Images without a complete file."""
        return [image for image in self.images() if not is_whole(self.folder / image.file)]


@dataclass(frozen=True)
class ToDraw:
    """Images that are still to be drawn, and the disk space for them."""

    dataset: ImageSet
    missing: tuple[Image, ...]
    needed: int
    """Bytes needed, approximately."""
    free: int
    """Bytes free on the disk."""


@dataclass(frozen=True)
class _Job:
    dataset: ImageSet
    image: Image


def begin(dataset: ImageSet) -> ToDraw:
    """Make the folder and list the images that are missing in it.

    Raises SettingsError for a folder of other images and OutputError if the disk is too small; the
    folder is then left unchanged.
    """
    note = dataset.folder / "dataset.json"
    refuse_others(note, dataset.describe())
    missing = tuple(dataset.missing())
    work = ToDraw(dataset, missing, needed_bytes(dataset, len(missing)), free_bytes(dataset.folder))
    check_room(work)
    claim(note, dataset.describe())
    return work


def write_dataset(work: ToDraw, workers: int, tell: Tell) -> int:
    """Write every missing image, and the manifest. Returns the number of all images."""
    dataset = work.dataset
    jobs = [_Job(dataset, image) for image in work.missing]
    total = len(list(dataset.images()))
    done = total - len(jobs)
    tell("drawing images", done, total)
    for _ in in_processes(write_image, jobs, workers):
        done += 1
        tell("drawing images", done, total)
    write_manifest(dataset)
    return total


def needed_bytes(dataset: ImageSet, count: int) -> int:
    """Approximate size of ``count`` images, from crops of one image of every shape."""
    test = {image.kind: image for image in list_images("test", dataset.seed)}
    side = min(_CROP, dataset.side)
    sizes = [len(png(pixels_of(dataset, test[kind], side))) for kind in range(4)]
    return round(float(np.mean(sizes)) * (dataset.side / side) ** 2 * count)


def describe_stored(folder: Path) -> str:
    """Description for a card: ``stored images, noise of 50 grey levels, grain 2``."""
    asked = read_note(folder / "dataset.json")["asked"]
    noise = f", noise of {asked['noise']:g} grey levels, grain {asked['grain']}"
    return "stored images" + (noise if asked["noise"] else "")


def check_stored(folder: Path, seed: int) -> None:
    """Raise SettingsError unless a folder holds complete images of this seed, noisy or not.

    The seed must be checked because files of all seeds have the same names.
    """
    note = folder / "dataset.json"
    if not note.exists():
        command = f"wsi-scale thesis dataset {folder} --seed {seed}"
        raise SettingsError(f"{folder} holds no stored images; make them with {command}")
    asked = read_note(note)["asked"]
    for key, value in (("seed", seed), ("side", SIDE), ("version", VERSION)):
        if asked.get(key) != value:
            raise SettingsError(
                f"{folder} was made with {key} {asked.get(key)}, not {value}; choose other images"
            )


def free_bytes(folder: Path) -> int:
    """Free space on the disk of a folder, which does not have to exist yet."""
    home = next(x for x in (folder, *folder.absolute().parents) if x.exists())
    return shutil.disk_usage(home).free


def check_room(work: ToDraw) -> None:
    """Raise OutputError if the images do not fit on the disk."""
    if work.needed * _ROOM_TO_SPARE > work.free:
        raise OutputError(
            f"{len(work.missing)} images take about {gigabytes(work.needed)}, but the disk of "
            f"{work.dataset.folder} has only {gigabytes(work.free)} left; choose another disk"
        )


def gigabytes(size: float) -> str:
    """A number of bytes as text.

    >>> gigabytes(1_234_567_890)
    '1.2 GB'
    """
    return f"{size / 1e9:.1f} GB"


def is_whole(path: Path) -> bool:
    """Whether a PNG file exists and is complete; a copy may have been cut off."""
    try:
        with path.open("rb") as file:
            file.seek(-len(_PNG_END), os.SEEK_END)
            return file.read() == _PNG_END
    except OSError:  # missing, or shorter than any image
        return False


def write_image(job: _Job) -> None:
    """Draw one image and write it, completely or not at all."""
    if stopping():
        return
    path = job.dataset.folder / job.image.file
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, png(pixels_of(job.dataset, job.image, job.dataset.side)))


def pixels_of(dataset: ImageSet, image: Image, side: int) -> NDArray[np.uint8]:
    """The upper left corner of an image at level 0, (side, side, 3)."""
    options = {"noise": dataset.noise, "grain": dataset.grain}
    slide = image.draw(dataset.side, downsamples=(1.0,), **options)  # type: ignore[arg-type]
    return slide.read(0, 0, 0, side, side)


def png(pixels: NDArray[np.uint8]) -> bytes:
    """The bytes of a PNG file, compressed by runs only.

    Noise has no other repetitions for deflate to find, and figures hardly any. At σ 50 this takes
    2 s instead of 3.5 s, and 50 MB instead of 54 MB.
    """
    out = io.BytesIO()
    PillowImage.fromarray(pixels).save(out, "PNG", compress_type=PillowImage.RLE)
    return out.getvalue()


def write_manifest(dataset: ImageSet) -> None:
    """Write ``manifest.csv``, which lists every image in the folder by its relative path."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["slide", "group", "class", "split", "seed"])
    for split in PER_CLASS:
        for image in list_images(split, dataset.seed):
            if is_whole(dataset.folder / image.file):
                group = Path(image.file).stem
                name = FIGURE_CLASSES[image.kind]
                writer.writerow([image.file, f"{split}-{group}", name, split, image.seed])
    write_atomically(dataset.folder / "manifest.csv", text.getvalue())
