"""Batches for training: drawn fields and patches of real slides, each by its number alone, so that
a training goes on where it stopped and does not hang on how many processes draw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from bank import Bank
from numpy.typing import NDArray
from PIL import Image
from real import RealSlide
from scanner import Rng, resample, scan, stain
from tissue import Field

Plane = NDArray[np.float32]

RIGHT, WRONG = 0.3, 1.1
"""Octaves from the right scale: up to the first nuclei are labelled, from the second on nothing is
there; between them nobody knows."""

MOST_PX = 320
"""A field is averaged to half its pixels before it is scanned where it is wider."""


@dataclass(frozen=True)
class Batch:
    """N patches of one side."""

    images: NDArray[np.uint8]
    """(N, side, side, 3)"""
    nuclei: Plane
    """(N, side, side), share of each pixel."""
    known: Plane
    """(N, side, side), 0 where nobody knows."""
    octaves: NDArray[np.float32]
    """(N,) log2 of each patch's µm/px over the right one."""


@dataclass(frozen=True)
class Mix:
    """What a batch is made of."""

    mpp: float
    side: int = 96
    drawn: int = 18
    real: int = 6
    """Patches of real slides."""
    right: float = 0.55
    """Share of patches at the right scale; the others lie evenly over ``octaves``."""
    octaves: float = 2.0
    """Either side of the right scale."""


def draw_batch(mix: Mix, bank: Bank, slides: Sequence[RealSlide], seed: Sequence[int]) -> Batch:
    """The batch of that seed."""
    rng = np.random.default_rng(list(seed))
    parts = []
    for number in range(mix.drawn + (mix.real if slides else 0)):
        at = 0.0 if rng.random() < mix.right else float(rng.uniform(-mix.octaves, mix.octaves))
        if number < mix.drawn:
            image, nuclei, known = of_field(mix, bank.crop(rng, mix.side * mix.mpp * 2**at), rng)
        else:
            slide = slides[int(rng.integers(len(slides)))]
            image, nuclei, known = slide.patch(rng, mix.side, mix.mpp * 2**at)
        if abs(at) > RIGHT:
            nuclei, known = np.zeros_like(nuclei), np.full_like(known, abs(at) >= WRONG)
        parts.append((image, nuclei, known, np.float32(at)))
    return Batch(*(np.stack(part) for part in zip(*parts, strict=True)))


def of_field(mix: Mix, field: Field, rng: Rng) -> tuple[NDArray[np.uint8], Plane, Plane]:
    """A drawn field, stained, scanned and resampled to a patch, with its labels."""
    nuclei = np.asarray(Image.fromarray(field.nuclei).resize((mix.side,) * 2, Image.Resampling.BOX))
    while field.nuclei.shape[0] > MOST_PX:
        field = field.halved()
    image = resample(scan(stain(field, rng), field.pitch, rng), mix.side)
    return image, nuclei, np.ones_like(nuclei)
