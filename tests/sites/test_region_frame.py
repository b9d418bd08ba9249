"""A region drawn in QuPath lies where it was drawn, on slides whose pixels begin elsewhere too."""

import json

import pytest

from wsi_scale import open_slide
from wsi_scale.errors import SettingsError
from wsi_scale.geometry import Box
from wsi_scale.sites.drawn_regions import to_geojson
from wsi_scale.sites.region_frame import region_on
from wsi_scale.sites.regions import parse_region

DRAWN = Box(3500, 8500, 500, 500)
"""Where the tissue was outlined, level-0 px; the slide's bounds begin at 3000, 8000."""


@pytest.fixture
def scn(cases):
    with open_slide(cases / "bounds_far.scn") as slide:
        yield slide


class Bounded:
    """A slide whose pixels begin at 300, 200 and are 1024 × 1024."""

    bounds = Box(300, 200, 1024, 1024)


def square(tmp_path, x, y, side, **members):
    corners = [[x, y], [x + side, y], [x + side, y + side], [x, y + side], [x, y]]
    feature = {"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [corners]}}
    feature["properties"] = {"objectType": "annotation"} if members.pop("qupath", False) else {}
    path = tmp_path / "region.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature], **members}))
    return path


def test_a_region_drawn_in_qupath_lies_where_it_was_drawn(scn, cases):
    region = region_on(scn, cases / "qupath_on_scn.geojson")
    assert region.box == DRAWN
    (note,) = region.notes
    assert "counts from the corner of the slide's bounds (x 3000, y 8000)" in note
    assert note.endswith("if that is wrong, use --region-origin level0")


def test_the_same_place_in_level_0_px_is_found_too(scn, cases):
    assert region_on(scn, cases / "level0_on_scn_far.geojson").box == DRAWN


def test_where_both_frames_fit_the_program_that_wrote_the_file_decides(tmp_path):
    drawn = region_on(Bounded, square(tmp_path, 400, 400, 100, qupath=True))
    assert (drawn.box.x, drawn.box.y) == (700, 600)
    assert "as QuPath does, which wrote it" in drawn.notes[0]
    other = region_on(Bounded, square(tmp_path, 400, 400, 100))
    assert ((other.box.x, other.box.y), other.notes) == ((400, 400), ())


def test_a_region_that_overhangs_one_way_only_is_taken_the_other_way(tmp_path):
    at_edge = region_on(Bounded, square(tmp_path, 1200, 1100, 100, qupath=True))
    assert (at_edge.box.x, at_edge.box.y) == (1200, 1100)
    at_corner = region_on(Bounded, square(tmp_path, 0, 0, 500))
    assert (at_corner.box.x, at_corner.box.y) == (300, 200)


def test_the_user_has_the_last_word(scn, cases, tmp_path):
    path = cases / "qupath_on_scn.geojson"
    as_level0 = region_on(scn, path, "level0")
    assert (as_level0.box.x, as_level0.notes) == (500, ())
    as_bounds = region_on(scn, cases / "level0_on_scn_far.geojson", "bounds")
    assert as_bounds.box.x == 6500
    assert region_on(scn, "10,20,30,40", "bounds").box == Box(3010, 8020, 30, 40)


def test_a_box_outside_the_pixels_is_tried_from_the_bounds(scn):
    assert region_on(scn, "500,500,500,500").box == DRAWN
    assert region_on(scn, "3500,8500,500,500").box == DRAWN


def test_our_own_file_says_from_where_it_counts(tmp_path):
    path = tmp_path / "ours.geojson"
    path.write_text(to_geojson(parse_region("10,10,200,200")))
    assert region_on(Bounded, path).box == Box(10, 10, 200, 200)


def test_placing_twice_moves_once(scn, cases):
    once = region_on(scn, cases / "qupath_on_scn.geojson")
    assert region_on(scn, once).box == DRAWN


def test_a_region_made_in_python_is_taken_as_it_is(scn):
    assert region_on(scn, parse_region("500,500,500,500")).box.x == 500


def test_without_bounds_both_frames_are_the_same(cases):
    with open_slide(cases / "macro_first.ome.tif") as slide:
        region = region_on(slide, cases / "qupath_on_scn.geojson", "bounds")
        assert (region.box.x, region.notes) == (500, ())


def test_another_origin_is_refused(scn):
    with pytest.raises(SettingsError, match="auto, bounds or level0, got 'corner'"):
        region_on(scn, "1,1,1,1", "corner")
