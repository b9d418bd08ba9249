"""Sites and scale maps as GeoJSON in QuPath's frame, and sites as CSV.

QuPath counts from the corner of a slide's bounds, reports from the corner of the canvas. The
objects carry their numbers as measurements, so QuPath can colour and filter by them.
"""

from __future__ import annotations

from typing import Any

from wsi_scale.exports.escape import csv_text, json_text, path_cell
from wsi_scale.judgement.places import MapTile, ScaleMap
from wsi_scale.plumbing.colour_ramp import colour_of, ends_of
from wsi_scale.report import Report
from wsi_scale.sites.qupath import ORIGIN

SITE_COLUMNS = ("slide", "x", "y", "side", "scale")
"""x and y are a site's centre and side its patch at the slide's answer, all level-0 px of the whole
canvas; scale is the site's own answer."""


def map_geojson(found: ScaleMap) -> str:
    """A scale map as GeoJSON: one tile object per tile, in QuPath's frame.

    Parameters
    ----------
    found : ScaleMap
        From ``wsi_scale.scale_map``.

    Returns
    -------
    str
        Each tile has its verdict as class, and the measurements ``scale``, ``scale low``,
        ``scale high`` and ``sites``; a tile without a number has only ``sites``.

    Examples
    --------
    >>> from wsi_scale.geometry import Box
    >>> tile = MapTile(Box(10, 0, 90, 90), 2.0, (1.8, 2.2), "ok", "one clear best scale", 16)
    >>> whole = Box(10, 0, 90, 90)
    >>> text = map_geojson(ScaleMap("a.svs", "figures", whole, (tile,), 1, 0.9))
    >>> '"scale": 2.0' in text, '"name": "scale 2.00 (1.80 to 2.20), ok"' in text
    (True, True)
    """
    ends = ends_of(tile.scale for tile in found.tiles if tile.scale is not None)
    tiles = [_tile(tile, found, ends) for tile in found.tiles]
    return json_text({"type": "FeatureCollection", ORIGIN: "bounds", "features": tiles})


def _tile(tile: MapTile, found: ScaleMap, ends: tuple[float, float] | None) -> dict[str, Any]:
    left, top = tile.box.x - found.bounds.x, tile.box.y - found.bounds.y
    properties = {
        "objectType": "tile",
        "name": words_of(tile),
        "classification": {"name": f"scale {tile.verdict}", "color": _colour(tile.scale, ends)},
        "measurements": _numbers(tile),
        "verdict": tile.verdict,
        "reason": tile.reason,
    }
    return _feature(_rectangle(left, top, tile.box.width, tile.box.height), properties)


def _numbers(tile: MapTile) -> dict[str, float]:
    numbers: dict[str, float] = {"sites": tile.sites}
    if tile.scale is not None and tile.interval is not None:
        ends = {"scale low": tile.interval[0], "scale high": tile.interval[1]}
        numbers |= {"scale": tile.scale, **ends}
    return numbers


def _colour(scale: float | None, ends: tuple[float, float] | None) -> list[int]:
    return [128, 128, 128] if scale is None or ends is None else list(colour_of(scale, ends))


def words_of(tile: MapTile) -> str:
    """A tile's answer in a few words.

    >>> from wsi_scale.geometry import Box
    >>> words_of(MapTile(Box(0, 0, 9, 9), None, None, "flat", "", 16))
    'no scale, flat'
    """
    if tile.scale is None:
        return f"no scale, {tile.verdict.replace('_', ' ')}"
    spread = ""
    if tile.interval is not None:
        spread = f" ({tile.interval[0]:.2f} to {tile.interval[1]:.2f})"
    return f"scale {tile.scale:.2f}{spread}, {tile.verdict}"


def sites_geojson(report: Report) -> str:
    """The sites of a report as GeoJSON, each as the patch that the network saw at the answer.

    Parameters
    ----------
    report : Report
        Of one slide. Without a scale, sites are points.

    Returns
    -------
    str
        One annotation per site; its measurement ``scale`` is the site's own answer, where it has
        one.

    Raises
    ------
    OutputError
        When a name is not valid text.

    Examples
    --------
    >>> import numpy as np, json
    >>> from wsi_scale import estimate_slide
    >>> report = estimate_slide(np.full((300, 400, 3), 255, np.uint8), "figures")
    >>> json.loads(sites_geojson(report))["features"]
    []
    """
    ends = ends_of(site.scale for site in report.sites if site.scale is not None)
    sites = [_site(report, number, ends) for number in range(len(report.sites))]
    return json_text({"type": "FeatureCollection", ORIGIN: "bounds", "features": sites})


def _site(report: Report, number: int, ends: tuple[float, float] | None) -> dict[str, Any]:
    site = report.sites[number]
    properties: dict[str, Any] = {
        "objectType": "annotation",
        "name": f"site {number + 1}" + ("" if site.scale is None else f", scale {site.scale:.2f}"),
        "classification": {"name": "wsi-scale site"},
        "measurements": {} if site.scale is None else {"scale": site.scale},
    }
    if site.scale is not None:
        properties["color"] = _colour(site.scale, ends)
    return _feature(_place(report, site.x, site.y), properties)


def _place(report: Report, x: float, y: float) -> dict[str, Any]:
    """A site in QuPath's frame: the patch at the answer, or a point without one."""
    left, top = report.slide.bounds[:2] if report.slide.bounds else (0.0, 0.0)
    side = _side(report)
    if side is None:
        return {"type": "Point", "coordinates": [round(x - left, 2), round(y - top, 2)]}
    return _rectangle(x - left - side / 2, y - top - side / 2, side, side)


def _side(report: Report) -> float | None:
    """Side of a patch at the answer, level-0 px."""
    return None if report.scale is None else report.scale * report.network.input_size


def sites_csv(report: Report) -> str:
    """The sites of a report as CSV with the columns ``SITE_COLUMNS``.

    Parameters
    ----------
    report : Report
        Of one slide.

    Returns
    -------
    str
        A number that is not known is an empty cell.

    Examples
    --------
    >>> import numpy as np
    >>> from wsi_scale import estimate_slide
    >>> report = estimate_slide(np.full((300, 400, 3), 255, np.uint8), "figures")
    >>> sites_csv(report)
    'slide,x,y,side,scale\\n'
    """
    side = _side(report)
    path = path_cell(report.slide.path)
    return csv_text(SITE_COLUMNS, [(path, x.x, x.y, side, x.scale) for x in report.sites])


def _feature(shape: dict[str, Any], properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "Feature", "geometry": shape, "properties": properties}


def _rectangle(left: float, top: float, width: float, height: float) -> dict[str, Any]:
    right, bottom = left + width, top + height
    corners = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
    return {
        "type": "Polygon",
        "coordinates": [[[round(x, 2), round(y, 2)] for x, y in corners]],
    }
