"""One picture, at the tiles' scale, from the predictions for the tiles."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wsi_scale.errors import SettingsError
from wsi_scale.tiling.cut import Tiles
from wsi_scale.tiling.layout import Layout, Place

Overlaps = Literal["crop", "blend"]
Block = tuple[slice, slice]

_BAND_PX = 1 << 22  # output px divided at once after blending


def stitch(
    tiles: Tiles,
    predictions: Iterable[ArrayLike],
    *,
    overlaps: Overlaps = "crop",
    fill: float = 0,
    out: NDArray[Any] | None = None,
) -> NDArray[Any]:
    """One picture from a prediction for every tile.

    It takes memory for the result, and 4 bytes per px more for ``"blend"``.

    Parameters
    ----------
    tiles : Tiles
        The tiles that were predicted.
    predictions : iterable of array_like
        One (size, size) or (C, size, size) array per tile, in the order of the tiles. They are
        taken one by one, so a generator keeps only one in memory.
    overlaps : {"crop", "blend"}
        ``"crop"`` takes each px from the tile in which it lies deepest, so neighbours are cut in
        the middle of their overlap. ``"blend"`` fades from one tile to the next; it is for
        probabilities and logits.
    fill : float
        Value where tiles were left out.
    out : numpy.ndarray, optional
        Array of the result's shape to write into, for example a ``numpy.memmap`` if the picture is
        larger than memory.

    Returns
    -------
    numpy.ndarray
        (H, W) or (C, H, W), where (H, W) is ``tiles.shape``. Px (i, j) begins at level-0 px
        ``tiles.origin`` + scale · (j, i). What lies beyond the slide's rim is cut off. The dtype is
        that of the first prediction; for ``"blend"`` at least float32. Without any tile: (H, W)
        float32, full of ``fill``.

    Raises
    ------
    SettingsError
        When the number, shape or dtype of the predictions does not fit, or that of ``out``.

    Examples
    --------
    >>> from wsi_scale import open_slide, tiles
    >>> with open_slide("synthetic:figures?width=800&height=600") as slide:
    ...     found = tiles(slide, scale=2.0, size=100)
    >>> picture = stitch(found, (np.full((100, 100), number) for number in range(len(found))))
    >>> picture.shape, int(picture[0, 0]), int(picture[-1, -1])
    ((300, 400), 0, 11)
    """
    if overlaps not in ("crop", "blend"):
        raise SettingsError(f"overlaps must be 'crop' or 'blend', got {overlaps!r}")
    put: _Crop | _Blend | None = None
    for place, prediction in _paired(tiles, predictions):
        if put is None:
            put = (_Crop if overlaps == "crop" else _Blend)(tiles, prediction, fill, out)
        if prediction.shape != put.expected:
            raise SettingsError(
                f"the prediction for the tile at row {place.row}, column {place.column} has shape "
                f"{prediction.shape}, not {put.expected} as the first one has"
            )
        put(place, prediction)
    if put is None:
        return _canvas(tiles.shape, np.dtype(np.float32), fill, out)
    return put.finish()


def _paired(tiles: Tiles, predictions: Iterable[ArrayLike]) -> Iterator[tuple[Place, NDArray[Any]]]:
    """Each tile's place and prediction. Raises SettingsError if there are more or fewer."""
    index = -1
    for index, prediction in enumerate(predictions):
        if index >= len(tiles):
            raise SettingsError(f"there are more predictions than the {len(tiles)} tiles")
        yield tiles.place(index), np.asarray(prediction)
    if index + 1 < len(tiles):
        raise SettingsError(f"there are {index + 1} predictions for {len(tiles)} tiles")


def _check_shape(prediction: NDArray[Any], size: int) -> None:
    if prediction.ndim not in (2, 3) or prediction.shape[-2:] != (size, size):
        raise SettingsError(
            f"a prediction must have shape ({size}, {size}) or (C, {size}, {size}), like its tile, "
            f"got {prediction.shape}"
        )


def _canvas(
    shape: tuple[int, ...], dtype: np.dtype[Any], fill: float, out: NDArray[Any] | None
) -> NDArray[Any]:
    """The array to write into, full of ``fill``."""
    if out is None:
        out = np.empty(shape, dtype)
    elif out.shape != shape:
        raise SettingsError(f"out has shape {out.shape}, but the result has {shape}")
    elif not np.can_cast(dtype, out.dtype, "same_kind"):
        raise SettingsError(f"out is {out.dtype}, which cannot hold predictions of {dtype}")
    if out.dtype.kind in "iu":
        info = np.iinfo(out.dtype)
        if not info.min <= fill <= info.max:
            raise SettingsError(f"fill {fill} does not fit into {out.dtype}; choose another")
    out[...] = fill
    return out


class _Crop:
    """Takes each px from the tile whose core it lies in, or from any tile if that was left out."""

    def __init__(
        self, tiles: Tiles, first: NDArray[Any], fill: float, out: NDArray[Any] | None
    ) -> None:
        _check_shape(first, tiles.size)
        self.expected = first.shape
        self._layout = tiles.layout
        self._kept = _kept_grid(tiles)
        self._out = _canvas((*first.shape[:-2], *tiles.shape), first.dtype, fill, out)

    def __call__(self, place: Place, prediction: NDArray[Any]) -> None:
        for rows, columns in self._blocks(place):
            self._out[..., rows, columns] = prediction[
                ...,
                rows.start - place.top : rows.stop - place.top,
                columns.start - place.left : columns.stop - place.left,
            ]

    def finish(self) -> NDArray[Any]:
        return self._out

    def _blocks(self, place: Place) -> Iterator[Block]:
        """The tile's core, and its share of the cores of tiles that were left out."""
        layout = self._layout
        rows = list(_cores(place.row, place.top, layout, layout.rows, layout.height))
        columns = list(_cores(place.column, place.left, layout, layout.columns, layout.width))
        for row, down in rows:
            for column, across in columns:
                own = (row, column) == (place.row, place.column)
                if own or not (self._kept is None or self._kept[row, column]):
                    yield down, across


class _Blend:
    """A weighted mean. Weights fall linearly to a tile's edge, over the width of the overlap."""

    def __init__(
        self, tiles: Tiles, first: NDArray[Any], fill: float, out: NDArray[Any] | None
    ) -> None:
        _check_shape(first, tiles.size)
        if not np.issubdtype(first.dtype, np.inexact):
            raise SettingsError(
                f"predictions of {first.dtype} are labels, which cannot be blended; "
                "use overlaps='crop'"
            )
        self.expected = first.shape
        self._fill = fill
        self._weight = _ramp(tiles.size, tiles.layout.overlap)
        dtype = np.result_type(first.dtype, np.float32)
        self._out = _canvas((*first.shape[:-2], *tiles.shape), dtype, 0, out)
        self._sum = np.zeros(tiles.shape, np.float32)

    def __call__(self, place: Place, prediction: NDArray[Any]) -> None:
        height, width = self._sum.shape
        rows = slice(place.top, min(place.top + len(self._weight), height))
        columns = slice(place.left, min(place.left + len(self._weight), width))
        h, w = rows.stop - rows.start, columns.stop - columns.start
        weight = self._weight[:h, None] * self._weight[None, :w]
        self._out[..., rows, columns] += prediction[..., :h, :w] * weight
        self._sum[rows, columns] += weight

    def finish(self) -> NDArray[Any]:
        height, width = self._sum.shape
        band = max(1, _BAND_PX // width)
        for top in range(0, height, band):
            total = self._sum[top : top + band]
            part = self._out[..., top : top + band, :]
            part /= np.where(total > 0, total, 1)
            part[..., total == 0] = self._fill
        return self._out


def _kept_grid(tiles: Tiles) -> NDArray[np.bool_] | None:
    """(rows, columns), True for tiles that are kept; None if none is left out."""
    layout = tiles.layout
    if len(tiles) == layout.rows * layout.columns:
        return None
    kept = np.zeros(layout.rows * layout.columns, bool)
    kept[np.asarray(tiles.kept)] = True
    return kept.reshape(layout.rows, layout.columns)


def _cores(
    number: int, start: int, layout: Layout, count: int, extent: int
) -> Iterator[tuple[int, slice]]:
    """Along one side, the tiles whose cores a tile reaches, and which px it reaches there.

    Cores meet in the middle of overlaps and end where the picture ends. With size 100 and overlap
    20, the second of three tiles reaches tile 0 at 80–90, itself at 90–170, tile 2 at 170–180.
    """
    half, stop = layout.overlap // 2, min(start + layout.size, extent)
    reach = -(-layout.size // layout.step)
    for other in range(max(0, number - reach), min(count, number + reach + 1)):
        first = 0 if other == 0 else other * layout.step + half
        last = extent if other == count - 1 else (other + 1) * layout.step + half
        if max(first, start) < min(last, stop):
            yield other, slice(max(first, start), min(last, stop))


def _ramp(size: int, overlap: int) -> NDArray[np.float32]:
    """(size,) weights above 0. Where two neighbours overlap, their weights add up to 1."""
    from_edge = np.minimum(np.arange(size), np.arange(size)[::-1]) + 0.5
    return np.asarray(np.clip(from_edge / max(overlap, 0.5), 0, 1), np.float32)
