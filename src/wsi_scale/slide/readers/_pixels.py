"""Turns the pixels of a file, whatever their kind, into (h, w, 3) uint8 RGB."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from wsi_scale.errors import SlideError


def as_rgb(
    pixels: NDArray[Any], background: tuple[int, int, int], *, white: int = 255
) -> NDArray[np.uint8]:
    """Grey, RGB or RGBA pixels as RGB; transparent pixels show the background.

    pixels: (h, w), (h, w, 1), (h, w, 3) or (h, w, 4). white: the value that becomes 255, for
    example 65535 for 16-bit data. Raises SlideError for other shapes.
    """
    if pixels.ndim == 2:
        pixels = pixels[..., None]
    if pixels.ndim != 3 or pixels.shape[2] not in (1, 3, 4):
        raise SlideError(
            f"an image must have 1, 3 or 4 channels, but these pixels have shape {pixels.shape}; "
            "choose the channels to use and save them as RGB"
        )
    if pixels.dtype != np.uint8:
        scaled = np.clip(pixels, 0, white).astype(np.float32) * np.float32(255 / white)
        pixels = np.rint(scaled).astype(np.uint8)
    if pixels.shape[2] == 1:
        return np.repeat(pixels, 3, axis=2)
    if pixels.shape[2] == 3:
        return np.ascontiguousarray(pixels, np.uint8)
    return over_background(pixels, background)


def over_background(rgba: NDArray[np.uint8], background: tuple[int, int, int]) -> NDArray[np.uint8]:
    """RGBA with straight alpha, (h, w, 4), laid over the background colour: (h, w, 3)."""
    alpha = rgba[..., 3:]
    if bool((alpha == 255).all()):
        return np.ascontiguousarray(rgba[..., :3])
    share = alpha.astype(np.float32) / np.float32(255)
    mixed: NDArray[np.float32] = rgba[..., :3] * share + np.asarray(background, np.float32) * (
        1 - share
    )
    return np.asarray(np.rint(mixed), np.uint8)
