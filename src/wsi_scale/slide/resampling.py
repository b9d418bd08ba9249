"""Resizes square windows of an image whose edges may be fractional.

Bicubic (a = −0.5) and antialiased: when shrinking, the kernel widens with the ratio. It uses pixels
beyond the window if the image has them. The result agrees with Pillow's ``Image.resize`` within a
few grey levels. Windows that shrink by more than MOST are cut from a half-size copy of the image,
or from a half-size copy of that, which they share; the ratio left is then above MOST / 2.

Nearly all windows are cut by torch, whose kernel for bytes is six times as fast as Pillow's. It
knows no fractional edges, but some pixels before a window there is a new pixel's edge that lies
next to an old one's; from there on it resizes, and what lies before the window is dropped. Ratios
like 2, whose edges never come nearer, and windows at the rim are cut by two small matrix products.
"""

from __future__ import annotations

import math
import threading
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

MOST = 4.1
"""Above this ratio a half-size copy is used: its blur no longer counts where the patch is shrunk by
two and more after it. It lies above four because scale grids often hit a ratio of four."""

_NEAR = 1 / 24
"""How near a new pixel's edge must come to an old one's at the window's edges, in px of the coarser
grid; in its middle they meet, because the ratio is changed by as little as that takes."""

_MOST_ROOM = 16 << 20
"""Bytes of each kind of memory that a thread keeps."""

_MOST_BEFORE = 48
"""New px tried before the window."""

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
        places = {row: _Spot.of(windows[row], size, 2**times) for row in rows}
        left = [row for row, place in places.items() if not _cut_fast(image, place, out[row])]
        if left:
            patches = _cut(image, [places[row] for row in left], size)
            for row, patch in zip(left, patches, strict=True):
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
    odd = [(0, length % 2) for length in image.shape[:2]]
    even = np.pad(image, [*odd, (0, 0)], mode="edge") if np.any(odd) else image
    halved = _resized(even, (even.shape[0] // 2, even.shape[1] // 2), (2.0, 2.0))
    return np.ascontiguousarray(halved.transpose(1, 2, 0))


def _resized(
    image: NDArray[np.uint8], shape: tuple[int, int], ratios: tuple[float, float]
) -> NDArray[np.uint8]:
    """The image from its corner on, (3, *shape), at so many old px per new one, by torch."""
    import torch

    own = image if image.flags.writeable else image.copy()  # torch warns of memory it may not write
    planes = torch.from_numpy(own).permute(2, 0, 1)[None]
    up = torch.ops.aten._upsample_bicubic2d_aa
    found: NDArray[np.uint8] = up(planes, shape, False, 1 / ratios[0], 1 / ratios[1])[0].numpy()
    return found


def _cut_fast(image: NDArray[np.uint8], place: _Spot, out: NDArray[np.uint8]) -> bool:
    """One patch into ``out`` (3, size, size), or False where only matrix products are exact."""
    size = out.shape[-1]
    starts = [_start(edge, place.ratio, size) for edge in (place.top, place.left)]
    if None in starts:
        return False
    (top, up, high), (left, before, wide) = (start for start in starts if start)
    margin = 2 * max(place.ratio, 1) + 1
    bottom, right = (math.ceil(x + size * place.ratio + margin) for x in (place.top, place.left))
    rows, columns = up + size, before + size
    # torch leaves an axis alone whose length would stay the same, whatever the ratio
    bottom += bottom - top == rows
    right += right - left == columns
    part = image[top:bottom, left:right]
    if part.shape[0] == rows or part.shape[1] == columns:
        return False
    out[:] = _resized(part, (rows, columns), (high, wide))[:, up:, before:]
    return True


@lru_cache(1024)
def _start(edge: float, ratio: float, size: int) -> tuple[int, int, float] | None:
    """Where to begin so that new pixels fall on a window that begins at ``edge``.

    The old pixel to begin at, how many new ones come before the window, and the ratio that puts the
    window's middle where it belongs. None if no place is near enough.
    """
    reach = 2 * max(ratio, 1) - 0.5 * ratio  # of the first new pixel's kernel, before the window
    before = np.arange(_MOST_BEFORE)
    begin = edge - before * ratio
    whole = np.rint(begin)
    fits = (np.abs(begin - whole) <= _NEAR * max(1.0, ratio)) & (whole >= 0)
    fits &= (before * ratio >= reach) | (whole == 0)
    if not fits.any():
        return None
    first = int(fits.argmax())
    middle = edge + size / 2 * ratio
    return int(whole[first]), first, (middle - whole[first]) / (first + size / 2)


def _cut(
    image: NDArray[np.uint8], places: Sequence[_Spot], size: int
) -> Iterator[NDArray[np.float32]]:
    """One patch (3, size, size) per place, 0.5 too high, so that dropping decimals rounds.

    Every patch reuses the memory of the one before.
    """
    kernels = [_kernel(round(place.ratio, 9)) for place in places]
    first, phase = _begin(places, size)
    low = np.maximum(first[..., 0].min(0), 0)
    ends = first[..., -1] + [[kernel.taps] for kernel in kernels]
    high = np.minimum(ends.max(0), image.shape[:2])
    tall, wide = (high - low).tolist()
    part = _room("part", tall, 3 * wide)
    part.reshape(tall, wide, 3)[:] = image[low[0] : high[0], low[1] : high[1]]
    first -= low[:, None]
    axes = [
        _along(axis, kernels, first[:, axis], phase[:, axis], length)
        for axis, length in enumerate((tall, wide))
    ]
    new_rows, new_columns = (_slices(size, band) for band in _BANDS)
    patch = _room("patch", 3 * size, size)
    for rows, columns in zip(*axes, strict=True):
        left, right = columns.old[0], columns.old[-1] + columns.width
        used = part[:, 3 * left : 3 * right]
        shrunk = _room("shrunk", size, 3 * (right - left))
        for new, old in zip(new_rows, rows.old, strict=True):
            np.matmul(rows.weights[new], used[old : old + rows.width], out=shrunk[new])
        lines = _room("lines", 3 * size, right - left)
        for channel in range(3):
            plane = lines[channel * size : (channel + 1) * size]
            np.add(shrunk[:, channel::3], np.float32(0.5), out=plane)
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


_ROOMS = threading.local()


def _room(name: str, rows: int, columns: int) -> NDArray[np.float32]:
    """Memory that a thread uses again: asking the system for it takes longer than the sums."""
    have: NDArray[np.float32] | None = getattr(_ROOMS, name, None)
    if have is None or have.size < rows * columns:
        have = np.empty(rows * columns, np.float32)
        if have.nbytes <= _MOST_ROOM:
            setattr(_ROOMS, name, have)
    return have[: rows * columns].reshape(rows, columns)


class _Kernel(NamedTuple):
    """Weights of one new pixel for every phase."""

    taps: int
    """Number of weights."""
    zeros: int
    """Number of zeros before the weights, and after them."""
    shifted: tuple[NDArray[np.float32], NDArray[np.float32]]
    """(PHASES, shifts, width) for rows and columns: shift s skips the first s zeros."""


@lru_cache(KEPT)
def _kernel(ratio: float) -> _Kernel:
    taps = math.ceil(4 * max(ratio, 1.0)) + 1
    widths = [math.ceil(ratio * (band - 1)) + taps + 1 for band in _BANDS]
    zeros = max(widths)
    weights = _weights(ratio, taps)
    padded = np.zeros((PHASES, zeros + taps + zeros), np.float32)
    padded[:, zeros : zeros + taps] = weights / weights.sum(axis=1, keepdims=True)
    rows, columns = (sliding_window_view(padded, width, axis=1) for width in widths)
    return _Kernel(taps, zeros, (rows, columns))


def _weights(ratio: float, taps: int) -> NDArray[np.float64]:
    """(PHASES, taps): the kernel at the centres of the pixels."""
    wide = max(ratio, 1.0)
    middle = 2 * wide + np.arange(PHASES)[:, None] / PHASES
    return cubic((np.arange(taps) + 0.5 - middle) / wide)


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
    length: int,
) -> Iterator[_AxisWeights]:
    """The weights of each place along axis 0 (rows) or 1 (columns). first, phase: (K, size)."""
    band, size = _BANDS[axis], first.shape[1]
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
