"""The model problem's images: 20 classes of figures, 10 training and 5 test images of each.

An image is a seed: it is drawn where it is looked at, and nothing need be stored. ``dataset``
writes the same images as files.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wsi_scale.readers._scenes import FIGURE_CLASSES
from wsi_scale.readers.synthetic import SyntheticSlide

Tell = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and how much there is."""

SIDE = 5000
"""Side of an image in level-0 px."""

PER_CLASS = {"train": 10, "test": 5}
PLACES = {"train": 20, "test": 4}
"""Patches that training and its own test take from each image."""

LEVELS = ((1.0,), (1.0, 2.0, 4.0, 8.0), (1.0, 4.0, 16.0))
"""Downsamples of the levels a real slide may have, so that no one kind of blur is learnt."""


@dataclass(frozen=True)
class Image:
    """One image of one class, not drawn yet."""

    kind: int
    """Class, an index into FIGURE_CLASSES."""
    number: int
    """Which image of its class, from 0."""
    seed: int
    downsamples: tuple[float, ...]
    places: NDArray[np.float64]
    """(N, 2) where patches are taken, 0–1 of the part of the image where they fit."""

    def slide(self, side: int = SIDE) -> SyntheticSlide:
        """The image as a slide that is drawn on demand."""
        return SyntheticSlide.figures(
            seed=self.seed,
            only=self.kind,
            width=side,
            height=side,
            downsamples=self.downsamples,
        )


def list_images(split: str, seed: int) -> tuple[Image, ...]:
    """The images of ``train`` or ``test``, class by class; the same for the same seed."""
    rng = np.random.default_rng([seed + (1_000_000 if split == "test" else 0), 5])
    out = []
    for kind in range(len(FIGURE_CLASSES)):
        for number in range(PER_CLASS[split]):
            image_seed = int(rng.integers(2**31))
            levels = LEVELS[rng.integers(len(LEVELS))]
            out.append(Image(kind, number, image_seed, levels, rng.random((PLACES[split], 2))))
    return tuple(out)
