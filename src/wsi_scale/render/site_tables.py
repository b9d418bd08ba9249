"""A report's sites for other programs: a CSV table, and shapes for QuPath."""

from __future__ import annotations

import csv
import io
import json

from wsi_scale.geometry import Site
from wsi_scale.pipeline.fields_of_view import patch_box
from wsi_scale.report import Report, SitePart
from wsi_scale.sites.qupath import ORIGIN
from wsi_scale.slide.resolution import mean_mpp


def sites_csv(report: Report) -> str:
    """CSV with one row per site: x, y, its own scale, µm per network px, side of its field of view.

    x, y and side are in level-0 px; unknown values are empty.
    """
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(["x", "y", "scale", "mpp", "field_px"])
    mpp = mean_mpp(report.slide.mpp)
    for site in report.sites:
        scale = site.scale
        known = scale is not None and mpp is not None
        rows.writerow(
            [
                site.x,
                site.y,
                "" if scale is None else scale,
                scale * mpp if known else "",  # type: ignore[operator]
                "" if scale is None else scale * report.network.input_size,
            ]
        )
    return out.getvalue()


def sites_geojson(report: Report) -> str:
    """The sites' fields of view as a GeoJSON FeatureCollection for QuPath.

    QuPath counts from the corner of the slide's bounds, so these do too, in level-0 px. A site
    without its own scale shows the field at the report's scale, or a point if there is none.
    """
    left, top = (0.0, 0.0) if report.slide.bounds is None else report.slide.bounds[:2]
    moved = [x.model_copy(update={"x": x.x - left, "y": x.y - top}) for x in report.sites]
    features = [_feature(report, number, site) for number, site in enumerate(moved)]
    whole = {"type": "FeatureCollection", ORIGIN: "bounds", "features": features}
    return json.dumps(whole, indent=1) + "\n"


def _feature(report: Report, number: int, site: SitePart) -> dict[str, object]:
    scale = site.scale if site.scale is not None else report.scale
    geometry: dict[str, object] = {"type": "Point", "coordinates": [site.x, site.y]}
    if scale is not None:
        x, y, width, height = patch_box(Site(site.x, site.y), scale, report.network.input_size)
        corners = [[x, y], [x + width, y], [x + width, y + height], [x, y + height], [x, y]]
        geometry = {"type": "Polygon", "coordinates": [corners]}
    measurements = {} if site.scale is None else {"scale": site.scale}
    return {
        "type": "Feature",
        "geometry": geometry,
        "properties": {
            "objectType": "annotation",
            "name": f"site {number + 1}",
            "measurements": measurements,
        },
    }
