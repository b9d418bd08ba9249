"""Resizes square windows of an image, two small matrix products each. Edges may be fractional.

Bicubic (a = −0.5) and antialiased: when shrinking, the kernel widens with the ratio. It uses pixels
beyond the window if the image has them. Up to a ratio of two the result agrees with Pillow's
``Image.resize`` within one or two grey levels, except where values overshoot 0–255. Windows that
shrink by more are cut from a half-size copy of the image, or from a half-size copy of that, which
they share. The weights undo the blur of the half-size copy as far as weights of its pixels can.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from wsi_scale.slide.read_plan import Window

PHASES = 128
"""Kernel positions between two pixels. A new pixel is misplaced by at most 1/256 px."""

KEPT = 256
"""Kernels kept in memory, one per ratio, 10 to 50 KiB each."""

MOST = 2.05
"""Above this ratio a half-size copy is used. It lies above two because the copy is least accurate
just there, and scale grids often hit a ratio of two."""

_BANDS = (8, 16)
"""Rows, and columns, that share one dense matrix. More means more zeros, fewer means more calls."""


def cut_windows(
    pixels: NDArray[np.uint8], windows: Sequence[Window], out: NDArray[np.uint8]
) -> None:
    """Resize each of K windows into its row of ``out``.

    pixels: (H, W, 3) uint8. windows: in px of that image, inside it. out: (K, 3, size, size) uint8.
    """
    size = out.shape[-1]
    halvings = [_halvings(window.side / size) for window in windows]
    image = pixels
    for times in range(max(halvings, default=0) + 1):
        image = image if times == 0 else _half(image)
        rows = [row for row, asked in enumerate(halvings) if asked == times]
        if rows:
            places = [_Spot.of(windows[row], size, 2**times) for row in rows]
            for row, patch in zip(rows, _cut(image, places, size, of_half=times > 0), strict=True):
                np.clip(patch, 0, 255.5, out=out[row], casting="unsafe")


def cubic(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Keys' cubic convolution kernel, a = −0.5: 1 at 0; 0 at ±1 and beyond ±2."""
    x = np.minimum(np.abs(x), 2)
    near = (1.5 * x - 2.5) * x * x + 1
    far = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return np.where(x < 1, near, far)


class _Spot(NamedTuple):
    """A window, in pixels of the image that it is cut from."""

    top: float
    left: float
    ratio: float
    """Old pixels per new one."""

    @classmethod
    def of(cls, window: Window, size: int, unit: int) -> _Spot:
        return cls(window.top / unit, window.left / unit, window.side / size / unit)


def _halvings(ratio: float) -> int:
    """How often to halve an image so that the ratio left is at most MOST."""
    return max(0, math.ceil(math.log2(ratio / MOST) - 1e-9))


def _half(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A half-size copy, by torch; an odd last row or column is repeated first."""
    import torch

    odd = [(0, length % 2) for length in image.shape[:2]]
    even = np.pad(image, [*odd, (0, 0)], mode="edge") if np.any(odd) else image
    own = np.require(even, requirements=("C", "W"))  # torch warns of memory it may not write
    planes = torch.from_numpy(own).permute(2, 0, 1)[None]
    halved = torch.nn.functional.interpolate(
        planes, scale_factor=0.5, mode="bicubic", antialias=True
    )
    return halved[0].permute(1, 2, 0).numpy()


def _cut(
    image: NDArray[np.uint8], places: Sequence[_Spot], size: int, *, of_half: bool
) -> Iterator[NDArray[np.float32]]:
    """One patch (3, size, size) per place, 0.5 too high, so that dropping decimals rounds.

    Every patch reuses the memory of the one before.
    """
    kernels = [_kernel(round(place.ratio, 9), of_half) for place in places]
    first, phase = _begin(places, size)
    low = np.maximum(first[..., 0].min(0), 0)
    ends = first[..., -1] + [[kernel.taps] for kernel in kernels]
    high = np.minimum(ends.max(0), image.shape[:2])
    planes = _planes(image[low[0] : high[0], low[1] : high[1]])
    first -= low[:, None]
    axes = [_along(axis, kernels, first[:, axis], phase[:, axis], planes) for axis in (0, 1)]
    new_rows, new_columns = (_slices(size, band) for band in _BANDS)
    room = np.empty(3 * size * planes.shape[2], np.float32)
    patch = np.empty((3 * size, size), np.float32)
    for rows, columns in zip(*axes, strict=True):
        left, right = columns.old[0], columns.old[-1] + columns.width
        used = planes[:, :, left:right]
        shrunk = room[: 3 * size * (right - left)].reshape(3, size, right - left)
        for new, old in zip(new_rows, rows.old, strict=True):
            np.matmul(rows.weights[new], used[:, old : old + rows.width], out=shrunk[:, new])
        lines = shrunk.reshape(3 * size, right - left)
        for new, old in zip(new_columns, columns.old, strict=True):
            moved = lines[:, old - left : old - left + columns.width]
            np.matmul(moved, columns.weights[new].T, out=patch[:, new])
        yield patch.reshape(3, size, size)


def _begin(places: Sequence[_Spot], size: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """First old pixel of each new one, maybe before the image, and its phase: (K, 2, size)."""
    edges = np.array([[[place.top], [place.left]] for place in places])
    ratios = np.array([place.ratio for place in places])[:, None, None]
    begin = edges + (np.arange(size) + 0.5) * ratios - 2 * np.maximum(ratios, 1)
    return np.divmod(np.rint(begin * PHASES).astype(np.intp), PHASES)


def _planes(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(H, W, 3) -> (3, H, W), half a grey level higher."""
    out = np.empty((3, *image.shape[:2]), np.float32)
    for channel in range(3):
        np.add(image[..., channel], np.float32(0.5), out=out[channel])
    return out


class _Kernel(NamedTuple):
    """Weights of one new pixel for every phase."""

    taps: int
    """Number of weights."""
    zeros: int
    """Number of zeros before the weights, and after them."""
    shifted: tuple[NDArray[np.float32], NDArray[np.float32]]
    """(PHASES, shifts, width) for rows and columns: shift s skips the first s zeros."""


@lru_cache(KEPT)
def _kernel(ratio: float, of_half: bool) -> _Kernel:
    taps = math.ceil(4 * max(ratio, 1.0)) + 1
    widths = [math.ceil(ratio * (band - 1)) + taps + 1 for band in _BANDS]
    zeros = max(widths)
    weights = _weights_of_half(ratio, taps) if of_half else _weights(ratio, taps)
    padded = np.zeros((PHASES, zeros + taps + zeros), np.float32)
    padded[:, zeros : zeros + taps] = weights / weights.sum(axis=1, keepdims=True)
    rows, columns = (sliding_window_view(padded, width, axis=1) for width in widths)
    return _Kernel(taps, zeros, (rows, columns))


def _weights(ratio: float, taps: int) -> NDArray[np.float64]:
    """(PHASES, taps): the kernel at the centres of the pixels."""
    wide = max(ratio, 1.0)
    middle = 2 * wide + np.arange(PHASES)[:, None] / PHASES
    return cubic((np.arange(taps) + 0.5 - middle) / wide)


def _weights_of_half(ratio: float, taps: int) -> NDArray[np.float64]:
    """(PHASES, taps): weights of half-size pixels that act like the kernel on the originals.

    ratio: half-size px per new px, at least 1. A half-size pixel is a weighted mean of originals,
    so these are the least squares over the originals' weights. A linear slope is kept exactly.
    """
    originals = np.arange(-3, 2 * taps + 3)[:, None] + 0.5
    halves = 2 * np.arange(taps) + 1.0
    middle = 2 * (2 * ratio + np.arange(PHASES) / PHASES)
    of_halves = cubic((originals - halves) / 2) / 2
    wanted = cubic((originals - middle) / (2 * ratio)) / (2 * ratio)
    sure = 1000  # a weight so large that both equations hold almost exactly
    equations = np.vstack([of_halves, sure * np.ones(taps), sure * halves])
    answers = np.vstack([wanted, sure * np.ones(PHASES), sure * middle])
    return np.linalg.lstsq(equations, answers, rcond=None)[0].T


class _AxisWeights(NamedTuple):
    """The weights of all new pixels along one axis."""

    old: list[int]
    """First old pixel of each band of new pixels."""
    weights: NDArray[np.float32]
    """(size, width): weights of the old pixels from there on."""

    @property
    def width(self) -> int:
        return len(self.weights[0])


def _along(
    axis: int,
    kernels: Sequence[_Kernel],
    first: NDArray[np.intp],
    phase: NDArray[np.intp],
    planes: NDArray[np.float32],
) -> Iterator[_AxisWeights]:
    """The weights of each place along axis 0 (rows) or 1 (columns). first, phase: (K, size)."""
    length, band, size = planes.shape[axis + 1], _BANDS[axis], first.shape[1]
    width = np.array([[min(kernel.shifted[axis].shape[2], length)] for kernel in kernels])
    old = np.clip(first[:, ::band], 0, length - width)
    shift = [[kernel.zeros] for kernel in kernels] + np.repeat(old, band, axis=1)[:, :size] - first
    for row, kernel in enumerate(kernels):
        weights = kernel.shifted[axis][phase[row], shift[row], :length]
        if first[row, 0] < 0 or first[row, -1] + kernel.taps > length:
            weights /= weights.sum(axis=1, keepdims=True)  # some lie beyond the image
        yield _AxisWeights(old[row].tolist(), weights)


def _slices(size: int, band: int) -> list[slice]:
    return [slice(low, min(low + band, size)) for low in range(0, size, band)]
