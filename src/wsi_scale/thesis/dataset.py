"""Writes the model problem's images as files, for whoever wants to look at them or use them
elsewhere. Nothing here needs them: the same images are drawn where they are looked at."""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from wsi_scale.errors import OutputError, SettingsError
from wsi_scale.files import write_atomically
from wsi_scale.readers._scenes import FIGURE_CLASSES
from wsi_scale.thesis.claim import claim
from wsi_scale.thesis.images import PER_CLASS, SIDE, Image, Tell, list_images
from wsi_scale.thesis.workers import in_processes, stopping

_CROP = 500  # side of the crops whose size tells how much room all images need
_ROOM_TO_SPARE = 1.1


@dataclass(frozen=True)
class Dataset:
    """Everything that decides the pixels, and where they go."""

    folder: Path
    noise: float = 0.0
    """Standard deviation in grey levels; 0 = none."""
    grain: int = 1
    """Side in px of what one value of the noise covers."""
    seed: int = 0
    side: int = SIDE
    splits: tuple[str, ...] = tuple(PER_CLASS)

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise SettingsError(f"a seed is 0 or more, got {self.seed}")
        for split in self.splits:
            if split not in PER_CLASS:
                known = ", ".join(["both", *PER_CLASS])
                raise SettingsError(f"unknown split {split!r}; there are {known}")

    def describe(self) -> dict[str, Any]:
        """For ``dataset.json``."""
        return {"noise": self.noise, "grain": self.grain, "seed": self.seed, "side": self.side}

    def images(self) -> Iterator[Image]:
        """All images of the splits asked for."""
        for split in self.splits:
            yield from list_images(split, self.seed)

    def missing(self) -> list[Image]:
        """Images that have no file yet."""
        return [image for image in self.images() if not (self.folder / image.file).exists()]


@dataclass(frozen=True)
class _Job:
    dataset: Dataset
    image: Image


def write_dataset(dataset: Dataset, workers: int, tell: Tell) -> int:
    """Write every image that is still missing, and the manifest; how many images there are.

    Raises SettingsError for a folder of other images, OutputError when the disk is too small.
    """
    claim(dataset.folder / "dataset.json", dataset.describe())
    missing, total = dataset.missing(), len(list(dataset.images()))
    check_room(dataset, len(missing))
    jobs = [_Job(dataset, image) for image in missing]
    done = total - len(jobs)
    tell("drawing images", done, total)
    for _ in in_processes(write_image, jobs, workers):
        done += 1
        tell("drawing images", done, total)
    write_manifest(dataset)
    return total


def needed_bytes(dataset: Dataset, count: int) -> int:
    """About what ``count`` images take, from crops of one image of every shape."""
    test = {image.kind: image for image in list_images("test", dataset.seed)}
    side = min(_CROP, dataset.side)
    sizes = [len(png(pixels_of(dataset, test[kind], side))) for kind in range(4)]
    return round(float(np.mean(sizes)) * (dataset.side / side) ** 2 * count)


def check_room(dataset: Dataset, count: int) -> None:
    """Raise OutputError when the disk has less room than ``count`` images take."""
    needed, free = needed_bytes(dataset, count), shutil.disk_usage(dataset.folder).free
    if needed * _ROOM_TO_SPARE > free:
        raise OutputError(
            f"{count} images take about {gigabytes(needed)}, but {dataset.folder} has only "
            f"{gigabytes(free)} left; choose another disk"
        )


def gigabytes(size: float) -> str:
    """1 234 567 890 -> '1.2 GB'."""
    return f"{size / 1e9:.1f} GB"


def write_image(job: _Job) -> None:
    """Draw one image and write it, whole or not at all."""
    if stopping():
        return
    path = job.dataset.folder / job.image.file
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, png(pixels_of(job.dataset, job.image, job.dataset.side)))


def pixels_of(dataset: Dataset, image: Image, side: int) -> NDArray[np.uint8]:
    """The upper left corner of an image at level 0, (side, side, 3)."""
    options = {"noise": dataset.noise, "grain": dataset.grain}
    slide = image.draw(dataset.side, downsamples=(1.0,), **options)  # type: ignore[arg-type]
    return slide.read(0, 0, 0, side, side)


def png(pixels: NDArray[np.uint8]) -> bytes:
    """The bytes of a PNG file."""
    out = io.BytesIO()
    PillowImage.fromarray(pixels).save(out, "PNG", compress_level=3)
    return out.getvalue()


def write_manifest(dataset: Dataset) -> None:
    """``manifest.csv``: every image there is; slide is relative to the folder."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["slide", "group", "class", "split", "seed"])
    for split in PER_CLASS:
        for image in list_images(split, dataset.seed):
            if (dataset.folder / image.file).exists():
                group = Path(image.file).stem
                name = FIGURE_CLASSES[image.kind]
                writer.writerow([image.file, f"{split}-{group}", name, split, image.seed])
    write_atomically(dataset.folder / "manifest.csv", text.getvalue())
