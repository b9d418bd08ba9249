"""Batches for training: drawn fields and patches of real slides, each by its number alone, so that
a training goes on where it stopped and does not hang on how many processes draw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from real import RealSlide
from scanner import Rng, reduce, scan, stain
from tissue import draw_field

DRAWN_PITCH = 0.5
"""µm per px at which fields are drawn."""


@dataclass(frozen=True)
class Batch:
    """N patches of one side, (N, H, W, 3) uint8 and (N, H, W) float32."""

    images: NDArray[np.uint8]
    nuclei: NDArray[np.float32]
    known: NDArray[np.float32]
    """0 where nobody knows."""


@dataclass(frozen=True)
class Mix:
    """What a batch is made of."""

    mpp: float
    side: int = 128
    fields: int = 3
    """Drawn fields, of which four patches each are taken."""
    real: int = 4
    """Patches of real slides."""


def draw_batch(mix: Mix, slides: Sequence[RealSlide], seed: Sequence[int]) -> Batch:
    """The batch of that seed."""
    rng = np.random.default_rng(list(seed))
    parts = [part for _ in range(mix.fields) for part in drawn(mix, rng)]
    if slides:
        parts += [
            slides[int(rng.integers(len(slides)))].patch(rng, mix.side) for _ in range(mix.real)
        ]
    images, nuclei, known = zip(*parts, strict=True)
    return Batch(np.stack(images), np.stack(nuclei), np.stack(known))


def drawn(mix: Mix, rng: Rng) -> list[tuple]:
    """The four quarters of one drawn field, each stained and scanned in its own way."""
    factor = mix.mpp / DRAWN_PITCH
    wide = round(mix.side * factor)
    field = draw_field(rng, 2 * mix.side * mix.mpp, DRAWN_PITCH)
    out = []
    for y in (0, wide):
        for x in (0, wide):
            part = field.crop(y, x, wide)
            image = reduce(scan(stain(part, rng), DRAWN_PITCH, rng), factor)
            mask = part.nuclei.reshape(mix.side, wide // mix.side, mix.side, -1).mean((1, 3))
            out.append((image, mask, np.ones_like(mask)))
    return out
