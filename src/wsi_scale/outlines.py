"""A line around what was found in a picture."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion

OUTLINE = (255, 230, 0)
"""Yellow: neither stain has it, and the colour-blind tell it from purple."""

LARGER = 2
"""Outlined pictures are so many times as large, so that the line stays thin."""


def is_outlined(pictures: Iterable[NDArray[np.uint8]]) -> bool:
    """Whether one of the pictures has such a line."""
    return any((picture == OUTLINE).all(axis=-1).any() for picture in pictures)


def draw_outline(patch: NDArray[np.uint8], found: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """A square patch (H, H, 3), ``LARGER``, with the outline of a mask, which may be coarser."""
    side = patch.shape[0] * LARGER
    large = patch.repeat(LARGER, axis=0).repeat(LARGER, axis=1)
    places = np.arange(side) * found.shape[0] // side
    mask = found[places[:, None], places[None, :]]
    large[mask & ~binary_erosion(mask, border_value=1)] = OUTLINE
    return large
