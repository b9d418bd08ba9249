"""Classes of QuPath's areas: Ignore* is left out, one class can be chosen."""

import json

import numpy as np
import pytest

from wsi_scale.errors import SettingsError
from wsi_scale.sites.drawn_regions import area_px
from wsi_scale.sites.regions import parse_region


def area(x, side, stated):
    corners = [[x, 0], [x + side, 0], [x + side, side], [x, side], [x, 0]]
    return {
        "type": "Feature",
        "geometry": {"type": "Polygon", "coordinates": [corners]},
        "properties": {"objectType": "annotation", **stated},
    }


@pytest.fixture
def written(tmp_path):
    def write(*features):
        path = tmp_path / "areas.geojson"
        path.write_text(json.dumps({"type": "FeatureCollection", "features": list(features)}))
        return path

    return write


def test_ignored_areas_are_left_out_with_a_note(cases):
    region = parse_region(cases / "ignore_class.geojson")
    assert region.box == (0, 0, 500, 500)
    assert region.contains([100, 700], [100, 700]).tolist() == [True, False]
    assert "1 area of class Ignore* in" in region.notes[0]


@pytest.mark.parametrize(
    "stated",
    [
        {"classification": {"name": "Ignore*"}},
        {"classification": {"name": "ignore", "colorRGB": -4934476}},
        {"classification": {"names": ["Tumor", "Ignore*"]}},
        {"classification": "Ignore*"},
        {"classification": {"name": "Artefact*"}},
    ],
)
def test_an_ignored_area_inside_another_is_cut_out_of_it(written, stated):
    region = parse_region(
        written(area(0, 100, {"classification": {"name": "Tumor"}}), area(0, 50, stated))
    )
    assert region.contains([25, 75], [25, 75]).tolist() == [False, True]
    grid = region.contains_grid(np.array([25, 75]), np.array([25, 75]))
    assert grid.tolist() == [[False, True], [True, True]]


def test_region_with_a_star_marks_where_to_look(written):
    region = parse_region(written(area(0, 10, {"classification": {"name": "Region*"}})))
    assert area_px(region) == 100


def test_a_class_can_be_chosen(cases, written):
    path = written(
        area(0, 100, {"classification": {"name": "Tumor"}}),
        area(200, 100, {"classification": {"name": "Stroma"}}),
        area(400, 100, {}),
    )
    assert parse_region(path, "stroma").box.x == 200
    assert parse_region(cases / "ignore_class.geojson", "Ignore*").box.x == 500
    assert parse_region(path).box.width == 500


def test_a_class_that_is_not_there_names_those_that_are(cases):
    with pytest.raises(SettingsError, match=r"no area of class 'Stroma'; its classes are Ignore\*"):
        parse_region(cases / "ignore_class.geojson", "Stroma")


def test_areas_without_classes_are_said_to_have_none(written):
    with pytest.raises(SettingsError, match="its areas have none"):
        parse_region(written(area(0, 10, {})), "Tumor")


def test_only_ignored_areas_are_no_region(written):
    with pytest.raises(SettingsError, match="which is left out"):
        parse_region(written(area(0, 10, {"classification": {"name": "Ignore*"}})))


def test_a_box_has_no_classes():
    with pytest.raises(SettingsError, match="has no classes"):
        parse_region("0,0,10,10", "Tumor")
