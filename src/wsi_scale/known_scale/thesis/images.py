"""The model problem's images: 20 classes of figures, 10 training and 5 test images of each.

An image is defined by a seed. Only the parts that are read are drawn, and nothing has to be stored;
``wsi-scale thesis dataset`` writes the same images as files.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wsi_scale.errors import SlideError
from wsi_scale.slide.base import Slide
from wsi_scale.slide.readers import open_slide
from wsi_scale.slide.readers.synthetic import FIGURE_CLASSES, SyntheticSlide

SIDE = 5000
"""Side of an image in level-0 px."""

SIZE = 224
"""Side of a patch in network px."""

PER_CLASS = {"train": 10, "test": 5}
PLACES = {"train": 20, "test": 4}
"""Patches from each image, for training and for the test after it."""

LEVELS = ((1.0,), (1.0, 2.0, 4.0, 8.0), (1.0, 4.0, 16.0))
"""Downsamples of levels as in real slides; the variety keeps a network from learning one blur."""


@dataclass(frozen=True)
class Image:
    """One image of one class, not drawn yet."""

    split: str
    """``train`` or ``test``."""
    kind: int
    """Class, an index into FIGURE_CLASSES."""
    number: int
    """Which image of its class, from 0."""
    seed: int
    downsamples: tuple[float, ...]
    """Downsamples of its levels."""
    places: NDArray[np.float64]
    """(N, 2) x and y of the patches, 0–1 over the part of the image where they fit."""

    @property
    def file(self) -> str:
        """Path that ``wsi-scale thesis dataset`` gives it, such as ``train/red_cross-03.png``."""
        return f"{self.split}/{FIGURE_CLASSES[self.kind].replace(' ', '_')}-{self.number:02}.png"

    def draw(
        self,
        side: int = SIDE,
        *,
        downsamples: tuple[float, ...] | None = None,
        noise: float = 0,
        grain: int = 1,
    ) -> SyntheticSlide:
        """The image as a slide that is drawn on demand."""
        return SyntheticSlide.figures(
            seed=self.seed,
            only=self.kind,
            width=side,
            height=side,
            downsamples=downsamples or self.downsamples,
            noise=noise,
            grain=grain,
        )

    def open(self, folder: Path | None) -> Slide:
        """The stored image in a folder of ``wsi-scale thesis dataset``; None: drawn on demand.

        Raises SlideError if the file is missing.
        """
        if folder is None:
            return self.draw()
        check_files((self,), folder)
        return open_slide(folder / self.file)


def list_images(split: str, seed: int) -> tuple[Image, ...]:
    """The images of ``train`` or ``test``, class by class; the same for the same seed."""
    rng = np.random.default_rng([seed + (1_000_000 if split == "test" else 0), 5])
    out = []
    for kind in range(len(FIGURE_CLASSES)):
        for number in range(PER_CLASS[split]):
            image_seed = int(rng.integers(2**31))
            levels = LEVELS[rng.integers(len(LEVELS))]
            places = rng.random((PLACES[split], 2))
            out.append(Image(split, kind, number, image_seed, levels, places))
    return tuple(out)


def check_files(images: Iterable[Image], folder: Path) -> None:
    """Raise SlideError for the first image that a folder of stored images lacks."""
    for image in images:
        if not (folder / image.file).exists():
            raise SlideError(
                f"{folder / image.file} is missing; make it with wsi-scale thesis dataset {folder}"
            )
