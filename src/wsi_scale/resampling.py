"""Sub-pixel boxes of an image, resized: two small matrix products a patch, all from one read.

Bicubic (a = −0.5) and antialiased: when shrinking, the kernel widens with the ratio and takes
pixels beyond the box where the image has them. An image to be shrunk by two and more is halved
first, by the mean of 2 × 2 px, as often as leaves at least one of its pixels per new one; the
halves are kept, since the patches of a pyramid share them. Up to a ratio of two it agrees with
Pillow's ``Image.resize`` within one grey level, where nothing overshoots 0–255.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Box = tuple[float, float, float, float]
"""Left, top, right, bottom in pixels of the image."""

KEPT = 512
"""Sets of weights kept, of 20 to 40 KiB each."""

_BAND = 16
"""New pixels whose weights make one dense matrix: more of them cost zeros, fewer cost calls."""


class Source:
    """An image from which patches are cut: as it is, and halved as often as a patch asks."""

    def __init__(self, pixels: NDArray[np.uint8]) -> None:
        """pixels: (H, W, 3) uint8."""
        self._image = Image.fromarray(pixels)
        self._rows = [_by_rows(pixels)]

    def cut(self, box: Box, width: int, height: int) -> NDArray[np.uint8]:
        """Resize a box to (height, width, 3) uint8: a view, whose channels lie row by row."""
        left, top, right, bottom = box
        across, down = (right - left) / width, (bottom - top) / height
        times = max(0, math.floor(math.log2(min(across, down)) + 1e-9))
        image, unit = self._halved(times), 2.0**times
        rows = _axis(top / unit, down / unit, height, image.shape[0])
        columns = _axis(left / unit, across / unit, width, image.shape[2])
        return _apply(image, rows, columns).transpose(0, 2, 1)

    def _halved(self, times: int) -> NDArray[np.uint8]:
        while len(self._rows) <= times:
            self._image = self._image.reduce(2)
            self._rows.append(_by_rows(np.asarray(self._image)))
        return self._rows[times]


class _Band(NamedTuple):
    """What makes some neighbouring new pixels of one axis."""

    new: slice
    old: slice
    weights: NDArray[np.float32]
    """(new, old)"""


def _by_rows(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(H, W, 3) -> (H, 3, W)"""
    height, width, channels = pixels.shape
    out = np.empty((height, channels, width), np.uint8)
    for channel in range(channels):
        out[:, channel] = pixels[..., channel]
    return out


def _apply(image: NDArray[np.uint8], rows: list[_Band], columns: list[_Band]) -> NDArray[np.uint8]:
    """(H, 3, W) -> (height, 3, width)"""
    height, width = rows[-1].new.stop, columns[-1].new.stop
    top, left = rows[0].old.start, columns[0].old.start
    used = image[top : rows[-1].old.stop, :, left : columns[-1].old.stop].astype(np.float32)
    lines = used.reshape(len(used), -1)
    shrunk = np.empty((height, lines.shape[1]), np.float32)
    for new, old, weights in rows:
        np.matmul(weights, lines[old.start - top : old.stop - top], out=shrunk[new])
    lines = shrunk.reshape(3 * height, -1)
    out = np.empty((3 * height, width), np.float32)
    for new, old, weights in columns:
        np.matmul(lines[:, old.start - left : old.stop - left], weights.T, out=out[:, new])
    out += 0.5
    np.clip(out, 0, 255, out=out)
    return out.astype(np.uint8).reshape(height, 3, width)


def _axis(start: float, ratio: float, count: int, length: int) -> list[_Band]:
    """Weights of ``count`` new pixels, ``ratio`` old ones apart, from ``start`` on."""
    first = math.floor(start)
    reach = math.ceil(ratio * count + 2 * max(ratio, 1.0)) + 2
    before, after = min(first, reach), min(length - first, reach)  # what the image has
    bands = _bands(round(start - first, 6), round(ratio, 9), count, before, after)
    return [
        _Band(new, slice(old.start + first, old.stop + first), weights)
        for new, old, weights in bands
    ]


@lru_cache(KEPT)
def _bands(start: float, ratio: float, count: int, before: int, after: int) -> list[_Band]:
    """Weights where the box begins ``start`` into a pixel that has so many before and after it."""
    widened, bands = max(ratio, 1.0), -(-count // _BAND)
    centres = start + (np.arange(bands * _BAND) + 0.5) * ratio
    first = np.floor(centres - 2 * widened).astype(np.intp)
    taps = math.ceil(4 * widened) + 1
    old = first[:, None] + np.arange(taps)
    weights = cubic(((old + 0.5 - centres[:, None]) / widened).astype(np.float32))
    outside = (old < -before) | (old >= after)
    weights[outside] = 0
    weights[:count] /= weights[:count].sum(axis=1, keepdims=True)
    first, last = first[::_BAND], first[_BAND - 1 :: _BAND]
    width = min(int((last - first).max()) + taps, before + after)
    low = np.clip(first, -before, after - width)
    place = np.where(outside, width, old - np.repeat(low, _BAND)[:, None])  # one column too many
    dense = np.zeros((len(old), width + 1), np.float32)
    np.put_along_axis(dense, place, weights, axis=1)
    return [
        _Band(slice(i, min(i + _BAND, count)), slice(x, x + width), dense[i:count][:_BAND, :width])
        for i, x in zip(range(0, count, _BAND), low.tolist(), strict=True)
    ]


def cubic(x: NDArray[np.float32]) -> NDArray[np.float32]:
    """Keys' cubic convolution kernel, a = −0.5: 1 at 0; 0 at ±1 and from ±2 on."""
    x = np.minimum(np.abs(x), 2)
    near = (1.5 * x - 2.5) * x * x + 1
    far = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return np.where(x < 1, near, far)
