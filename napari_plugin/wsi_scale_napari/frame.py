"""Converts between a layer's coordinates and the slide's.

napari counts from the centre of the first pixel and puts the row first. The slide counts from the
corner of the first pixel and puts x first.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from wsi_scale.geometry import Box
from wsi_scale.plumbing.arrays import Array
from wsi_scale.sites.drawn_regions import ellipse_ring, nest, to_geojson
from wsi_scale.sites.regions import Region

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Image, Layer, Shapes

    from wsi_scale.report import Report


_CORNER = 0.5  # from the centre of a pixel to its corner


def placement(layer: Layer) -> dict[str, Any]:
    """Options that place another layer on this one, pixel on pixel, units included."""
    return {
        "scale": layer.scale,
        "translate": layer.translate,
        "rotate": layer.rotate,
        "shear": layer.shear,
        "affine": layer.affine,
        "units": layer.units,
        "axis_labels": layer.axis_labels,
    }


def box_to_data(box: Box) -> Array:
    """Corners (4, 2) of a box of level-0 px in a layer's data coordinates."""
    left, top = box.x - _CORNER, box.y - _CORNER
    right, bottom = left + box.width, top + box.height
    return np.array([[top, left], [top, right], [bottom, right], [bottom, left]])


def world_to_level0(layer: Image, points: Array) -> Array:
    """(N, 2) x, y in level-0 px of points (N, 2) in world coordinates of the last two axes."""
    data = np.array([layer.world_to_data(point) for point in points])
    return data[:, ::-1] + _CORNER


def level0_to_world(layer: Image, x: float, y: float) -> Array:
    """World coordinates of a place given in level-0 px."""
    return np.asarray(layer.data_to_world((y - _CORNER, x - _CORNER)), float)


def view_box(viewer: ViewerModel, layer: Image) -> str:
    """The visible part of a layer, as ``x,y,w,h`` in whole level-0 px."""
    camera = viewer.scene.camera
    half = np.array(viewer.canvas.size) / camera.zoom / 2
    centre = np.array(camera.center[-2:])
    corners = np.array([centre + half * sign for sign in ((-1, -1), (-1, 1), (1, 1), (1, -1))])
    seen = world_to_level0(layer, corners)
    finest = layer.data[0] if layer.multiscale else layer.data
    most = np.array(finest.shape[1::-1])
    first, last = np.clip(seen.min(0), 0, most), np.clip(seen.max(0), 0, most)
    low, high = np.floor(first).astype(int), np.ceil(last).astype(int)
    return ",".join(str(int(value)) for value in (*low, *(high - low)))


def drawn_region(shapes: Shapes, image: Image) -> Region:
    """The outlines of a Shapes layer as a region in level-0 px of the slide, holes included.

    Lines and open paths enclose nothing and are ignored. Raises SettingsError when no outline is
    left.
    """
    rings = []
    for data, kind in zip(shapes.data, shapes.shape_type, strict=True):
        if kind in ("line", "path"):
            continue
        corners = np.asarray(data, float)
        outline = ellipse_ring(corners) if kind == "ellipse" else corners
        world = np.array([shapes.data_to_world(corner)[-2:] for corner in outline])
        rings.append(world_to_level0(image, world))
    return nest(rings, f"the region drawn in {shapes.name}")


_REGIONS = TemporaryDirectory(prefix="wsi-scale-region-")
"""Lives as long as the program, so that a report can be made again."""


def region_file(shapes: Shapes, image: Image) -> str:
    """A new GeoJSON file with the outlines of a Shapes layer. Raises SettingsError if there are
    none."""
    outlines = to_geojson(drawn_region(shapes, image))
    path = Path(_REGIONS.name) / f"region-{len(list(Path(_REGIONS.name).iterdir()))}.geojson"
    path.write_text(outlines, encoding="utf-8")
    return str(path)


def screen_width(viewer: ViewerModel, layer: Image, pixels: float) -> float:
    """A width in data pixels of a layer that shows as so many pixels of the screen."""
    pixel = float(np.sqrt(np.prod(np.abs(layer.scale[-2:]))))
    return max(0.5, pixels / float(viewer.scene.camera.zoom * pixel))


def zoom_to_answer(viewer: ViewerModel, layer: Image, report: Report) -> None:
    """Show the first site of a report at the scale that was found."""
    if report.scale is not None:
        at = [level0_to_world(layer, site.x, site.y) for site in report.sites[:1]]
        zoom_to_scale(viewer, layer, report.scale, at[0] if at else None)


def zoom_to_scale(viewer: ViewerModel, layer: Image, scale: float, at: Array | None) -> None:
    """Zoom so that one pixel of the network fills one pixel of the window. at: the new centre, in
    world coordinates; None keeps the centre."""
    camera = viewer.scene.camera
    pixel = float(np.sqrt(np.prod(layer.scale[-2:])))
    if at is not None:
        camera.center = (*camera.center[:-2], *at)
    camera.zoom = 1 / (scale * pixel)
