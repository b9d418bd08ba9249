"""Turns drawn outlines into a region, and a region into GeoJSON that can be read again."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from wsi_scale.errors import SettingsError
from wsi_scale.sites.polygons import Region, Ring
from wsi_scale.sites.qupath import ORIGIN
from wsi_scale.sites.regions import NAME

ELLIPSE_CORNERS = 64
"""Corners of the polygon that stands for an ellipse."""


def ellipse_ring(box: NDArray[np.float64]) -> Ring:
    """Polygon of the ellipse inscribed in a parallelogram; box: its corners in order, (4, 2)."""
    centre = box.mean(axis=0)
    across, down = (box[1] - box[0]) / 2, (box[3] - box[0]) / 2
    turn = np.linspace(0, 2 * np.pi, ELLIPSE_CORNERS, endpoint=False)[:, None]
    ring: Ring = centre + np.cos(turn) * across + np.sin(turn) * down
    return ring


def nest(rings: Sequence[Ring], name: str = "the drawn region") -> Region:
    """A region made of closed outlines, each (N, 2) x, y in level-0 px.

    An outline inside another is a hole in it, and an outline inside a hole belongs to the region
    again. Outlines that overlap are united. Raises SettingsError if none encloses an area.
    """
    closed = [ring for ring in rings if len(ring) >= 3 and ring_area(ring) > 0]
    if not closed:
        raise SettingsError("no drawn outline encloses an area; draw a polygon on the slide")
    order = sorted(closed, key=ring_area, reverse=True)
    around = [[j for j in range(i) if _inside(order[i], order[j])] for i in range(len(order))]
    polygons: dict[int, list[Ring]] = {}
    for i, ring in enumerate(order):
        if len(around[i]) % 2:
            land = [j for j in around[i] if len(around[j]) % 2 == 0]
            polygons[land[-1]].append(ring)
        else:
            polygons[i] = [ring]
    return Region(tuple(tuple(rings) for rings in polygons.values()), name)


def area_px(region: Region) -> float:
    """Area of the polygons without their holes, level-0 px². Overlaps count twice."""
    return sum(
        ring_area(rings[0]) - sum(ring_area(hole) for hole in rings[1:])
        for rings in region.polygons
    )


def ring_area(ring: Ring) -> float:
    """Area of a ring that does not cross itself, by the shoelace formula.

    >>> ring_area(np.array([(0.0, 0.0), (4.0, 0.0), (4.0, 3.0)]))
    6.0
    """
    x, y = (ring - ring[0]).T
    return float(abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2)


def to_geojson(region: Region) -> str:
    """The region as GeoJSON text with every digit; ``parse_region`` reads the same region."""
    coordinates = [[[*ring.tolist(), ring[0].tolist()] for ring in x] for x in region.polygons]
    feature = {
        "type": "Feature",
        "geometry": {"type": "MultiPolygon", "coordinates": coordinates},
        "properties": {"objectType": "annotation", "name": "wsi-scale region"},
    }
    about = {NAME: region.name, ORIGIN: "level0"}
    whole = {"type": "FeatureCollection", **about, "features": [feature]}
    return json.dumps(whole) + "\n"


def _inside(ring: Ring, other: Ring) -> bool:
    """Whether every corner of a ring lies inside the other ring."""
    return bool(Region(((other,),)).contains(ring[:, 0], ring[:, 1]).all())
