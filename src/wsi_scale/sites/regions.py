"""Regions of interest: polygons with holes, from GeoJSON as QuPath writes it, or from a box."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from wsi_scale.errors import SettingsError, one_line
from wsi_scale.plumbing.plain_text import parse_json
from wsi_scale.sites.polygons import Polygons, Region, Ring
from wsi_scale.sites.qupath import class_of, drawn_in, is_left_out

__all__ = ["FARTHEST_PX", "NAME", "Region", "Ring", "parse_region"]

FARTHEST_PX = 1e9
"""No slide is larger (level-0 px). Larger numbers are mistakes and would overflow."""

NAME = "wsi_scale_name"
"""Member of a FeatureCollection that wsi-scale wrote: the name of the region in errors, wherever
its file lies."""


class Outline(NamedTuple):
    """One polygon of a file."""

    rings: tuple[Ring, ...]
    label: str | None
    """Its class; None if it has none."""


def parse_region(source: str | os.PathLike[str], label: str | None = None) -> Region:
    """The region from a GeoJSON file, or from a box written as text.

    Parameters
    ----------
    source : str or path
        ``"x,y,w,h"`` in level-0 px, or the path of a GeoJSON file with coordinates in level-0 px.
        The file holds a FeatureCollection, a Feature, a geometry or a list of these. All its
        polygons are united; points and lines are ignored. Areas of QuPath's class ``Ignore*`` are
        left out.
    label : str, optional
        Only areas of this class of QuPath, for example ``Tumor``.

    Returns
    -------
    Region
        In px from where the source counts. ``region_on`` finds out where that is on a slide.

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
        if label is not None:
            raise SettingsError(f"the box {text} has no classes; leave out the class {label!r}")
        return _box(text, numbers)
    path = Path(text)
    if not os.path.isfile(path):
        what = "is a folder" if os.path.isdir(path) else "is neither a file nor a box x,y,w,h"
        raise SettingsError(f"region {text!r} {what}; give a GeoJSON file or four numbers")
    tree = _load(path)
    try:
        outlines = list(_outlines(tree, str(path)))
    except RecursionError as error:
        raise SettingsError(f"region {path} is nested too deeply to be GeoJSON") from error
    polygons, left_out, notes = _chosen(outlines, label, path)
    name = tree.get(NAME) if isinstance(tree, dict) else None
    if all(_is_flat(rings[0]) for rings in polygons):
        raise SettingsError(f"the polygons of {path} enclose no area; draw the region again")
    name = name if isinstance(name, str) and name else str(path)
    return Region(polygons, name, left_out, drawn_in(tree), notes)


def _chosen(
    outlines: list[Outline], label: str | None, path: Path
) -> tuple[Polygons, Polygons, tuple[str, ...]]:
    """The polygons of a class, or all but those to be left out; the latter, and a note on them."""
    if not outlines:
        raise SettingsError(
            f"{path} holds no polygon (points and lines enclose nothing); draw an area and save it"
        )
    classes = sorted({one.label for one in outlines if one.label is not None})
    if label is not None:
        named = {x for x in classes if x.lower() == label.strip().lower()}
        found = tuple(one.rings for one in outlines if one.label in named)
        if not found:
            there = f"its classes are {', '.join(classes)}" if classes else "its areas have none"
            raise SettingsError(f"{path} holds no area of class {label!r}; {there}")
        return found, (), ()
    kept = tuple(one.rings for one in outlines if not is_left_out(one.label))
    left_out = tuple(one.rings for one in outlines if is_left_out(one.label))
    names = ", ".join(x for x in classes if is_left_out(x))
    if not kept:
        raise SettingsError(
            f"all areas of {path} are of class {names}, which is left out; name the class "
            "(--region-class) to use it all the same"
        )
    areas = "1 area" if len(left_out) == 1 else f"{len(left_out)} areas"
    return kept, left_out, (f"{areas} of class {names} in {path} left out",) if left_out else ()


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


def _outlines(node: Any, path: str, label: str | None = None) -> Iterator[Outline]:
    """Every polygon in a GeoJSON node and the nodes below it. label: class of the node."""
    if isinstance(node, list):
        for part in node:
            yield from _outlines(part, path, label)
        return
    kind = node.get("type") if isinstance(node, dict) else None
    match kind:
        case "FeatureCollection":
            yield from _outlines(_member(node, "features", path), path, label)
        case "Feature":
            if node.get("geometry") is not None:
                yield from _outlines(node["geometry"], path, class_of(node))
        case "GeometryCollection":
            yield from _outlines(_member(node, "geometries", path), path, label)
        case "Polygon":
            for rings in _rings(_member(node, "coordinates", path), path):
                yield Outline(rings, label)
        case "MultiPolygon":
            for coordinates in _member(node, "coordinates", path):
                for rings in _rings(coordinates, path):
                    yield Outline(rings, label)
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
