"""Regions of interest: polygons with holes, from GeoJSON as QuPath writes it, or from a box."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wsi_scale.errors import SettingsError, one_line
from wsi_scale.geometry import Box
from wsi_scale.plumbing.plain_text import parse_json

Ring = NDArray[np.float64]
"""(N, 2) corners x, y in level-0 px; an edge joins the last corner to the first."""

FARTHEST_PX = 1e9
"""No slide is larger (level-0 px). Larger numbers are mistakes and would overflow."""

NAME = "wsi_scale_name"
"""Member of a FeatureCollection that wsi-scale wrote: the name of the region in errors, wherever
its file lies."""

_PAIRS_AT_ONCE = 1 << 22  # points × edges compared in one step


@dataclass(frozen=True, eq=False)
class Region:
    """Part of a slide: a union of polygons, which may have holes.

    ``parse_region`` makes one from a file or a box.

    Examples
    --------
    >>> parse_region("100,50,800,600").box
    Box(x=100.0, y=50.0, width=800.0, height=600.0)
    """

    polygons: tuple[tuple[Ring, ...], ...]
    """One tuple of rings per polygon: the outer ring, then its holes; level-0 px."""
    name: str = "the region"
    """Its name in errors: the file, or the box as it was typed."""

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
        >>> parse_region("0,0,10,10").contains([0, 5, 10], 5).tolist()
        [True, True, False]
        """
        px, py = np.broadcast_arrays(np.asarray(x, float), np.asarray(y, float))
        flat_x, flat_y = px.ravel(), py.ravel()
        inside = np.zeros(flat_x.shape, bool)
        for rings in self.polygons:
            start, end = _edges(rings)
            step = max(1, _PAIRS_AT_ONCE // len(start))
            for first in range(0, inside.size, step):
                part = slice(first, first + step)
                inside[part] |= _is_odd(flat_x[part], flat_y[part], start, end)
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
        >>> parse_region("0,0,10,10").contains_grid([5, 15], [5]).tolist()
        [[True, False]]
        """
        columns, rows = np.asarray(xs, float), np.asarray(ys, float)
        inside = np.zeros((rows.size, columns.size), bool)
        for rings in self.polygons:
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


def parse_region(source: str | os.PathLike[str]) -> Region:
    """The region from a GeoJSON file, or from a box written as text.

    Parameters
    ----------
    source : str or path
        ``"x,y,w,h"`` in level-0 px, or the path of a GeoJSON file with coordinates in level-0 px.
        The file holds a FeatureCollection, a Feature, a geometry or a list of these. All its
        polygons are united; points and lines are ignored.

    Returns
    -------
    Region
        Level-0 px.

    Raises
    ------
    SettingsError
        When the source is not a usable region.

    Examples
    --------
    >>> region = parse_region("100,50,800,600")
    >>> region.name, bool(region.contains(500, 300))
    ('box 100,50,800,600', True)
    """
    text = os.fspath(source)
    if not text:
        raise SettingsError("the region is empty; give a GeoJSON file or a box x,y,w,h")
    numbers = _numbers(text)
    if numbers is not None:
        return _box(text, numbers)
    path = Path(text)
    if not os.path.isfile(path):
        what = "is a folder" if os.path.isdir(path) else "is neither a file nor a box x,y,w,h"
        raise SettingsError(f"region {text!r} {what}; give a GeoJSON file or four numbers")
    tree = _load(path)
    try:
        polygons = tuple(_polygons(tree, str(path)))
    except RecursionError as error:
        raise SettingsError(f"region {path} is nested too deeply to be GeoJSON") from error
    if not polygons:
        raise SettingsError(
            f"{path} holds no polygon (points and lines enclose nothing); draw an area and save it"
        )
    name = tree.get(NAME) if isinstance(tree, dict) else None
    region = Region(polygons, name if isinstance(name, str) and name else str(path))
    if all(_is_flat(rings[0]) for rings in polygons):
        raise SettingsError(f"the polygons of {path} enclose no area; draw the region again")
    return region


def _numbers(text: str) -> list[float] | None:
    """The numbers in text like 'a,b,…'; None if the text is something else."""
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        return None
    return numbers if len(numbers) > 1 else None


def _box(text: str, numbers: list[float]) -> Region:
    if len(numbers) != 4:
        raise SettingsError(f"a box is four numbers x,y,w,h, but {text!r} has {len(numbers)}")
    if not all(abs(number) <= FARTHEST_PX for number in numbers):
        raise SettingsError(
            f"the box {text!r} is not finite or lies beyond any slide; give four numbers x,y,w,h"
        )
    x, y, width, height = numbers
    if width <= 0 or height <= 0:
        raise SettingsError(f"the box {text!r} is empty; width and height must be above 0")
    corners = [(x, y), (x + width, y), (x + width, y + height), (x, y + height)]
    return Region(((np.array(corners),),), f"box {text}")


def _load(path: Path) -> Any:
    try:
        return parse_json(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise SettingsError(f"cannot read region {path}: {error.strerror or error}") from error
    except ValueError as error:
        raise SettingsError(
            f"region {path} is not JSON ({one_line(error, 200)}); export it from QuPath as GeoJSON"
        ) from error


def _polygons(node: Any, path: str) -> Iterator[tuple[Ring, ...]]:
    """Every polygon in a GeoJSON node and the nodes below it."""
    if isinstance(node, list):
        for part in node:
            yield from _polygons(part, path)
        return
    kind = node.get("type") if isinstance(node, dict) else None
    match kind:
        case "FeatureCollection":
            yield from _polygons(_member(node, "features", path), path)
        case "Feature":
            if node.get("geometry") is not None:
                yield from _polygons(node["geometry"], path)
        case "GeometryCollection":
            yield from _polygons(_member(node, "geometries", path), path)
        case "Polygon":
            yield from _rings(_member(node, "coordinates", path), path)
        case "MultiPolygon":
            for coordinates in _member(node, "coordinates", path):
                yield from _rings(coordinates, path)
        case "Point" | "MultiPoint" | "LineString" | "MultiLineString":
            pass
        case _:
            found = f"its type is {one_line(repr(kind), 80)}" if kind else "it has no type"
            raise SettingsError(
                f"region {path} is JSON but not GeoJSON: {found}; export it from QuPath as GeoJSON"
            )


def _member(node: dict[str, Any], name: str, path: str) -> list[Any]:
    member = node.get(name)
    if not isinstance(member, list):
        raise SettingsError(
            f"a {node['type']} of region {path} has no list of {name}; save it again"
        )
    return member


def _rings(coordinates: Any, path: str) -> Iterator[tuple[Ring, ...]]:
    """One polygon as a tuple of rings; nothing for a polygon without corners."""
    if not isinstance(coordinates, list):
        found = one_line(repr(coordinates), 80)
        raise SettingsError(f"a polygon of region {path} is {found}, not a list of rings")
    rings = [_ring(corners, path) for corners in coordinates]
    if rings and len(rings[0]):
        yield tuple(ring for ring in rings if len(ring))


def _ring(corners: Any, path: str) -> Ring:
    """(N, 2) corners; a third coordinate is dropped, and so is the repeat that closes the ring."""
    try:
        ring = np.array([corner[:2] for corner in corners], float).reshape(-1, 2)
    except (TypeError, ValueError, OverflowError) as error:  # OverflowError: 400 digits
        raise SettingsError(
            f"a polygon of region {path} has corners that are not pairs of numbers"
        ) from error
    if not (np.abs(ring) <= FARTHEST_PX).all():
        raise SettingsError(
            f"a polygon of region {path} has a corner that is not finite or lies beyond any slide"
        )
    return ring[:-1] if len(ring) > 1 and (ring[0] == ring[-1]).all() else ring


def _is_flat(ring: Ring) -> bool:
    """True if there are fewer than three corners or all lie on one line."""
    offsets = ring - ring[0]
    along = offsets[np.argmax(np.hypot(*offsets.T))]
    across = offsets[:, 0] * along[1] - offsets[:, 1] * along[0]
    return bool(np.all(across == 0))
