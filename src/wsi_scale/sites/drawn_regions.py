"""Outlines that people draw become a region, and a region the GeoJSON that is read back."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from wsi_scale.errors import SettingsError
from wsi_scale.sites.regions import NAME, Region, Ring

ELLIPSE_CORNERS = 64


def ellipse_ring(box: NDArray[np.float64]) -> Ring:
    """The ellipse inscribed in a parallelogram, as corners; box: its (4, 2) corners in order."""
    centre = box.mean(axis=0)
    across, down = (box[1] - box[0]) / 2, (box[3] - box[0]) / 2
    turn = np.linspace(0, 2 * np.pi, ELLIPSE_CORNERS, endpoint=False)[:, None]
    ring: Ring = centre + np.cos(turn) * across + np.sin(turn) * down
    return ring


def nest(rings: Sequence[Ring], name: str = "the drawn region") -> Region:
    """A region of closed outlines, (N, 2) x, y in level-0 px: one that lies inside another is a
    hole in it, one inside a hole is land again.

    Outlines that merely overlap are united. Raises SettingsError when none encloses anything.
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
    """Level-0 px² of a region's polygons without their holes; where they overlap, counted twice."""
    return sum(
        ring_area(rings[0]) - sum(ring_area(hole) for hole in rings[1:])
        for rings in region.polygons
    )


def ring_area(ring: Ring) -> float:
    """Area inside a ring that does not cross itself, by the shoelace formula."""
    x, y = (ring - ring[0]).T
    return float(abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2)


def to_geojson(region: Region) -> str:
    """The region as GeoJSON text, every digit kept: ``parse_region`` reads the same one back."""
    coordinates = [[[*ring.tolist(), ring[0].tolist()] for ring in x] for x in region.polygons]
    feature = {
        "type": "Feature",
        "geometry": {"type": "MultiPolygon", "coordinates": coordinates},
        "properties": {"objectType": "annotation", "name": "wsi-scale region"},
    }
    whole = {"type": "FeatureCollection", NAME: region.name, "features": [feature]}
    return json.dumps(whole) + "\n"


def _inside(ring: Ring, other: Ring) -> bool:
    """Whether every corner of a ring lies inside another."""
    return bool(Region(((other,),)).contains(ring[:, 0], ring[:, 1]).all())
