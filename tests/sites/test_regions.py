"""A region is polygons with holes, however QuPath wraps them, or a box."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.draw import polygon2mask

from wsi_scale.errors import SettingsError
from wsi_scale.sites.regions import Region, parse_region

SQUARE = [[10, 20], [50, 20], [50, 60], [10, 60], [10, 20]]
HOLE = [[20, 30], [40, 30], [40, 50], [20, 50], [20, 30]]
FAR = [[100, 0], [110, 0], [110, 10], [100, 10], [100, 0]]
POLYGON = {"type": "Polygon", "coordinates": [SQUARE, HOLE]}


def feature(geometry):
    properties = {"objectType": "annotation", "classification": {"name": "Tumor"}}
    return {"type": "Feature", "id": "1", "geometry": geometry, "properties": properties}


@pytest.fixture
def region_of(tmp_path):
    def write(content):
        path = tmp_path / "region.geojson"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return parse_region(path)

    return write


WRAPPED = {
    "geometry": POLYGON,
    "feature": feature(POLYGON),
    "collection": {"type": "FeatureCollection", "features": [feature(POLYGON)]},
    "list": [feature(POLYGON)],
    "multi": {"type": "MultiPolygon", "coordinates": [[SQUARE, HOLE]]},
    "geometries": {"type": "GeometryCollection", "geometries": [POLYGON]},
    "with a point and an empty feature": [
        feature({"type": "Point", "coordinates": [1, 2]}),
        feature(None),
        feature(POLYGON),
    ],
    "not closed, with heights": {
        "type": "Polygon",
        "coordinates": [[[*p, 7] for p in SQUARE[:-1]], HOLE[:-1]],
    },
}


@pytest.mark.parametrize("content", WRAPPED.values(), ids=WRAPPED)
def test_the_same_polygon_is_found_in_every_wrapping(region_of, content):
    region = region_of(content)
    assert region.box == (10, 20, 40, 40)
    inside = region.contains([15, 30, 45, 5, 30], [25, 40, 55, 40, 70])
    assert inside.tolist() == [True, False, True, False, False]


def test_a_byte_order_mark_does_not_disturb(region_of):
    assert region_of("\ufeff" + json.dumps(POLYGON)).box == (10, 20, 40, 40)


def test_polygons_are_united_even_where_they_overlap(region_of):
    shifted = [[x + 20, y] for x, y in SQUARE]
    region = region_of({"type": "MultiPolygon", "coordinates": [[SQUARE], [shifted], [FAR]]})
    assert region.contains([40, 105, 90], [40, 5, 5]).tolist() == [True, True, False]
    assert region.box == (10, 0, 100, 60)


def test_a_figure_of_eight_encloses_its_two_halves(region_of):
    region = region_of({"type": "Polygon", "coordinates": [[[0, 0], [8, 8], [8, 0], [0, 8]]]})
    assert region.contains([1, 7, 4], [4, 4, 1]).tolist() == [True, True, False]


def test_a_box_is_four_numbers():
    region = parse_region(" 10, 20,40,40.5")
    assert region.box == (10, 20, 40, 40.5)
    assert region.contains(10, 20)
    assert not region.contains(50, 20)


def test_neighbouring_boxes_share_no_point_and_leave_no_gap():
    x, y = np.meshgrid(np.arange(0, 20, 0.5), np.arange(0, 10, 0.5))
    left, right = parse_region("0,0,10,10"), parse_region("10,0,10,10")
    assert (left.contains(x, y) ^ right.contains(x, y)).all()


corner = st.tuples(st.integers(0, 23), st.integers(0, 23))
ring = st.lists(corner, min_size=3, max_size=9).map(lambda r: np.array(r, float))


@settings(max_examples=80)
@given(st.lists(ring, min_size=1, max_size=3))
def test_contains_agrees_with_a_rasterised_truth_of_any_crossing_rings(rings):
    """The even-odd rule over a polygon's rings is the exclusive or of the single rings."""
    shift = np.array([0.317, 0.453])  # no pixel centre lies on an edge's end
    rings = [one + shift for one in rings]
    rows, columns = np.mgrid[0:24, 0:24]
    truth = np.zeros((24, 24), bool)
    on_edge = np.zeros((24, 24), bool)
    for one in rings:
        truth ^= polygon2mask((24, 24), one[:, ::-1])
        on_edge |= _near_edge(columns, rows, one)
    region = Region((tuple(rings),))
    ours = region.contains(columns, rows)
    assert (ours == truth)[~on_edge].all()


def _near_edge(x, y, one, reach=1e-6):
    near = np.zeros(x.shape, bool)
    for (x0, y0), (x1, y1) in zip(one, np.roll(one, -1, axis=0), strict=True):
        length = np.hypot(x1 - x0, y1 - y0)
        if length == 0:
            continue
        along = np.clip(((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / length**2, 0, 1)
        near |= np.hypot(x0 + along * (x1 - x0) - x, y0 + along * (y1 - y0) - y) < reach
    return near


@settings(max_examples=80)
@given(st.lists(ring, min_size=1, max_size=3))
def test_the_lattice_is_the_same_rule(rings):
    region = Region((tuple(rings), (rings[0] + 2.5,)))
    xs, ys = np.arange(-1, 27, 0.5), np.arange(-1, 27, 1.0)
    assert (region.contains_grid(xs, ys) == region.contains(*np.meshgrid(xs, ys))).all()


LINE = {"type": "LineString", "coordinates": [[0, 0], [5, 5]]}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("{not json", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("[" * 900 + "]" * 900, "holds no polygon|nested too deeply"),
        ('{"slides": []}', "not GeoJSON: it has no type"),
        ('"text"', "not GeoJSON"),
        ("3", "not GeoJSON"),
        ({"type": "Topology", "objects": {}}, "not GeoJSON: its type is 'Topology'"),
        ({"type": "FeatureCollection"}, "has no list of features"),
        ({"type": "FeatureCollection", "features": []}, "holds no polygon"),
        ([], "holds no polygon"),
        (feature(LINE), "holds no polygon"),
        ({"type": "Point", "coordinates": [1, 2]}, "holds no polygon"),
        ({"type": "Polygon", "coordinates": []}, "holds no polygon"),
        ({"type": "Polygon", "coordinates": [[]]}, "holds no polygon"),
        ({"type": "Polygon", "coordinates": [[[0, 0], [4, 4], [8, 8], [0, 0]]]}, "no area"),
        ({"type": "Polygon", "coordinates": [[["a", "b"]]]}, "not pairs of numbers"),
        ({"type": "Polygon", "coordinates": [[1, 2, 3]]}, "not pairs of numbers"),
        ({"type": "Polygon", "coordinates": [[[1], [2], [3]]]}, "not pairs of numbers"),
        ({"type": "Polygon", "coordinates": [7]}, "not pairs of numbers"),
        ({"type": "MultiPolygon", "coordinates": [7]}, "not a list of rings"),
        ('{"type": "Polygon", "coordinates": [[[0, 0], [NaN, 1], [2, 2]]]}', "not finite"),
        ('{"type": "Polygon", "coordinates": [[[0, 0], [1e999, 1], [2, 2]]]}', "not finite"),
    ],
)
def test_what_is_no_region_is_one_sentence(region_of, content, sentence):
    with pytest.raises(SettingsError, match=sentence) as caught:
        region_of(content)
    assert "\n" not in str(caught.value)


def test_bytes_that_are_no_text_are_not_json(tmp_path):
    path = tmp_path / "region.geojson"
    path.write_bytes(b"\xff\xfe\x00\x01\x02")
    with pytest.raises(SettingsError, match="is not JSON"):
        parse_region(path)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("1,2,3", "four numbers"),
        ("1,2,3,4,5", "four numbers"),
        ("0,0,0,5", "is empty"),
        ("0,0,5,-1", "is empty"),
        ("0,0,nan,5", "not finite"),
        ("0,0,inf,5", "not finite"),
        ("0,0,1e308,5", "beyond any slide"),
        ("1,2,3,x", "neither a file nor a box"),
        ("nowhere.geojson", "neither a file nor a box"),
        ("", "the region is empty; give a GeoJSON file"),
    ],
)
def test_what_is_no_box_is_one_sentence(text, sentence):
    with pytest.raises(SettingsError, match=sentence):
        parse_region(text)
