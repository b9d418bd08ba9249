"""Turns the pixels of a file, whatever their kind, into (h, w, 3) uint8 RGB."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wsi_scale.errors import SlideError

_RGB = ({"red", "r"}, {"green", "g"}, {"blue", "b"})
_UNNAMED = re.compile(r"(channel|ch|c|plane)?[\s:_-]*[\d:]*", re.IGNORECASE)


def have_names(names: Sequence[str]) -> bool:
    """Whether channels have names that say more than a number.

    >>> have_names(["Channel 0", "ch1", ""]), have_names(["DAPI", "ch1"])
    (False, True)
    """
    return not all(_UNNAMED.fullmatch(name.strip()) for name in names)


def colour_order(names: Sequence[str]) -> tuple[int, int, int] | None:
    """Which channels are red, green and blue by their names; None if they are something else.

    >>> colour_order(["Blue", "Green", "Red"]), colour_order(["DAPI", "FITC", "TRITC"])
    ((2, 1, 0), None)
    """
    found = [[i for i, x in enumerate(names) if x.strip().lower() in one] for one in _RGB]
    if len(names) != 3 or any(len(places) != 1 for places in found):
        return None
    red, green, blue = (places[0] for places in found)
    return red, green, blue


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


def largest_value(pixels: NDArray[Any]) -> float:
    """The largest value of the colours, without alpha. pixels: (h, w) or (h, w, channels)."""
    return float((pixels[..., :3] if pixels.ndim == 3 else pixels).max())


def white_for(brightest: float) -> int:
    """The value that is white, by the brightest pixel: the largest of 8, 10, 12, 14 or 16 bits.

    Microscopes store 12 bits in 16. Raises ValueError for more than 16 bits.

    >>> white_for(3980), white_for(65000)
    (4095, 65535)
    """
    for bits in (8, 10, 12, 14, 16):
        if brightest < 1 << bits:
            return (1 << bits) - 1
    raise ValueError(f"its brightest pixel is {brightest:g}, more than 16 bits can hold")


def note_on_white(brightest: float, white: int) -> str:
    """That a file does not say which value is white, and how it was found."""
    return (
        f"the largest value found is {brightest:g}, so the pixels are taken for "
        f"{white.bit_length()} bits, and values up to {white} are scaled to 255"
    )
