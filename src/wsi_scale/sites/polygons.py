"""Regions as polygons with holes, and which points lie inside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wsi_scale.geometry import Box

Ring = NDArray[np.float64]
"""(N, 2) corners x, y in level-0 px; an edge joins the last corner to the first."""

Polygons = tuple[tuple[Ring, ...], ...]
"""One tuple of rings per polygon: the outer ring, then its holes; level-0 px."""

_PAIRS_AT_ONCE = 1 << 22  # points × edges compared in one step


@dataclass(frozen=True, eq=False)
class Region:
    """Part of a slide: a union of polygons, which may have holes.

    ``parse_region`` makes one from a file or a box.

    Examples
    --------
    >>> from wsi_scale.sites import parse_region
    >>> parse_region("100,50,800,600").box
    Box(x=100.0, y=50.0, width=800.0, height=600.0)
    """

    polygons: Polygons
    """One tuple of rings per polygon: the outer ring, then its holes; level-0 px."""
    name: str = "the region"
    """Its name in errors: the file, or the box as it was typed."""
    left_out: Polygons = ()
    """Areas that are not part of it, wherever they lie."""
    drawn_in: Literal["", "level0", "bounds", "QuPath"] = ""
    """From where its file says that it counts, or ``QuPath`` if that program seems to have written
    it; empty if the file says nothing."""
    notes: tuple[str, ...] = ()
    """What a user should know about how it was understood, a clause each."""

    @property
    def box(self) -> Box:
        """Smallest box that contains the region, level-0 px."""
        corners = np.concatenate([rings[0] for rings in self.polygons])
        (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
        return Box(float(left), float(top), float(right - left), float(bottom - top))

    def contains(self, x: ArrayLike, y: ArrayLike) -> NDArray[np.bool_]:
        """Whether points lie inside, by the even-odd rule within each polygon.

        Parameters
        ----------
        x, y : array_like
            Points, level-0 px, in shapes that broadcast. A point on a left or top edge lies inside,
            one on a right or bottom edge does not, so regions that share an edge share no point.

        Returns
        -------
        numpy.ndarray
            bool, in the broadcast shape.

        Examples
        --------
        >>> from wsi_scale.sites import parse_region
        >>> parse_region("0,0,10,10").contains([0, 5, 10], 5).tolist()
        [True, True, False]
        """
        px, py = np.broadcast_arrays(np.asarray(x, float), np.asarray(y, float))
        flat_x, flat_y = px.ravel(), py.ravel()
        inside = _inside(self.polygons, flat_x, flat_y)
        if self.left_out:
            inside &= ~_inside(self.left_out, flat_x, flat_y)
        return inside.reshape(px.shape)

    def contains_grid(self, xs: ArrayLike, ys: ArrayLike) -> NDArray[np.bool_]:
        """Whether the points of a grid lie inside.

        It works row by row, which is faster than ``contains`` if a contour has many corners.

        Parameters
        ----------
        xs, ys : array_like
            Columns and rows of the grid, level-0 px.

        Returns
        -------
        numpy.ndarray
            bool, (len(ys), len(xs)); [i, j] is True if (xs[j], ys[i]) lies inside.

        Examples
        --------
        >>> from wsi_scale.sites import parse_region
        >>> parse_region("0,0,10,10").contains_grid([5, 15], [5]).tolist()
        [[True, False]]
        """
        columns, rows = np.asarray(xs, float), np.asarray(ys, float)
        inside = _inside_grid(self.polygons, columns, rows)
        if self.left_out:
            inside &= ~_inside_grid(self.left_out, columns, rows)
        return inside

    def moved(self, x: float, y: float) -> Region:
        """The region moved to the right by x and down by y, level-0 px.

        Examples
        --------
        >>> from wsi_scale.sites import parse_region
        >>> parse_region("0,0,10,10").moved(5, 2).box
        Box(x=5.0, y=2.0, width=10.0, height=10.0)
        """
        way = np.array([x, y], float)
        polygons, left_out = (
            tuple(tuple(ring + way for ring in rings) for rings in many)
            for many in (self.polygons, self.left_out)
        )
        return replace(self, polygons=polygons, left_out=left_out)


def _inside(polygons: Polygons, x: NDArray[Any], y: NDArray[Any]) -> NDArray[np.bool_]:
    """Whether points, (N,), lie in any of the polygons."""
    inside = np.zeros(x.shape, bool)
    for rings in polygons:
        start, end = _edges(rings)
        step = max(1, _PAIRS_AT_ONCE // len(start))
        for first in range(0, inside.size, step):
            part = slice(first, first + step)
            inside[part] |= _is_odd(x[part], y[part], start, end)
    return inside


def _inside_grid(
    polygons: Polygons, columns: NDArray[Any], rows: NDArray[Any]
) -> NDArray[np.bool_]:
    """Whether the points of a grid, (rows, columns), lie in any of the polygons."""
    inside = np.zeros((rows.size, columns.size), bool)
    for rings in polygons:
        start, end = _edges(rings)
        for i, y in enumerate(rows):
            crossings = np.sort(_crossings(y, *_spanning(y, start, end)))
            passed = crossings.size - np.searchsorted(crossings, columns, side="right")
            inside[i] |= passed % 2 == 1
    return inside


def _edges(rings: Sequence[Ring]) -> tuple[Ring, Ring]:
    """Start and end corners of every edge of every ring."""
    return np.concatenate(rings), np.concatenate([np.roll(ring, -1, axis=0) for ring in rings])


def _spanning(y: float, start: Ring, end: Ring) -> tuple[Ring, Ring]:
    """The edges that the horizontal line at y crosses. A corner counts for one edge only."""
    crossed = (start[:, 1] <= y) != (end[:, 1] <= y)
    return start[crossed], end[crossed]


def _crossings(y: NDArray[Any] | float, start: Ring, end: Ring) -> NDArray[np.float64]:
    """x at which edges cross the horizontal line at y; meaningless for edges that do not."""
    rise = end[:, 1] - start[:, 1]
    along = (y - start[:, 1]) / np.where(rise == 0, 1.0, rise)
    return np.asarray(start[:, 0] + along * (end[:, 0] - start[:, 0]), float)


def _is_odd(x: NDArray[Any], y: NDArray[Any], start: Ring, end: Ring) -> NDArray[np.bool_]:
    """True where a ray to the right crosses an odd number of edges."""
    y = y[:, None]
    crossed = (start[:, 1] <= y) != (end[:, 1] <= y)
    to_the_right = _crossings(y, start, end) > x[:, None]
    return np.asarray((crossed & to_the_right).sum(axis=1) % 2 == 1)
