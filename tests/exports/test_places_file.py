"""Sites and maps in files that QuPath and spreadsheets read."""

import csv
import io
import json

import pytest

from wsi_scale.exports.places_file import map_geojson, sites_csv, sites_geojson
from wsi_scale.geometry import Box
from wsi_scale.judgement.places import MapTile, ScaleMap
from wsi_scale.report import Report
from wsi_scale.sites.region_frame import region_on
from wsi_scale.slide.readers import open_slide

BOUNDS = Box(1000, 500, 900, 900)
TILES = (
    MapTile(Box(1000, 500, 450, 900), 2.0, (1.8, 2.2), "ok", "one clear best scale", 16),
    MapTile(Box(1450, 500, 450, 900), None, (0.5, 9.0), "outside", "too wide", 12),
)
MAP = ScaleMap("a.svs", "figures", BOUNDS, TILES, 2, 0.9)


def with_sites(report, *sites, bounds=None):
    """A report with other sites, each (x, y, scale)."""
    content = report.model_dump(by_alias=True)
    content["sites"] = [{"x": x, "y": y, "scale": scale} for x, y, scale in sites]
    content["slide"]["bounds"] = bounds
    return Report.model_validate(content)


def test_qupath_sees_each_tile_where_it_lies_with_its_numbers():
    first, second = json.loads(map_geojson(MAP))["features"]
    assert first["geometry"]["coordinates"][0][0] == [0, 0]
    assert first["geometry"]["coordinates"][0][2] == [450, 900]
    assert first["properties"]["objectType"] == "tile"
    assert first["properties"]["measurements"] == {
        "sites": 16,
        "scale": 2.0,
        "scale low": 1.8,
        "scale high": 2.2,
    }
    assert second["properties"]["measurements"] == {"sites": 12}
    assert second["properties"]["reason"] == "too wide"


def test_a_map_can_be_read_back_as_a_region(tmp_path):
    """The file says from where it counts, so wsi-scale finds the same places again."""
    path = tmp_path / "map.geojson"
    path.write_text(map_geojson(MAP))
    with open_slide("synthetic:figures?width=3000&height=3000") as slide:
        slide.bounds = BOUNDS
        assert tuple(region_on(slide, path).box) == tuple(BOUNDS)


def test_sites_lie_where_the_network_looked(answer):
    sites = ((1000.0, 900.0, 2.5), (10.0, 20.0, None))
    report = with_sites(answer(scale=2.0), *sites, bounds=(100, 50, 4000, 4000))
    first, second = json.loads(sites_geojson(report))["features"]
    side = 2 * report.network.input_size
    assert first["geometry"]["coordinates"][0][0] == [900 - side / 2, 850 - side / 2]
    assert first["properties"]["measurements"] == {"scale": 2.5}
    assert second["properties"]["measurements"] == {}


def test_without_a_scale_sites_are_points(answer):
    report = with_sites(answer(scale=None, verdict="flat"), (10.0, 20.0, None))
    (only,) = json.loads(sites_geojson(report))["features"]
    assert only["geometry"]["type"] == "Point"


@pytest.mark.parametrize("path", ["=1+1.svs", "a,b.svs"])
def test_a_spreadsheet_computes_nothing_from_a_name(answer, path):
    report = with_sites(answer(path=path), (1.0, 2.0, None))
    (row,) = csv.DictReader(io.StringIO(sites_csv(report)))
    assert not row["slide"].startswith("=")
    assert row["slide"].endswith(path)
    assert (row["x"], row["scale"]) == ("1.0", "")
