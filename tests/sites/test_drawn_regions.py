"""Drawn outlines: nesting, area, and files that keep every digit."""

import numpy as np
import pytest

from wsi_scale.errors import SettingsError
from wsi_scale.sites.drawn_regions import area_px, ellipse_ring, nest, ring_area, to_geojson
from wsi_scale.sites.regions import parse_region


def square(left, top, side):
    return np.array(
        [[left, top], [left + side, top], [left + side, top + side], [left, top + side]]
    )


def test_an_outline_inside_another_is_a_hole_and_one_inside_that_is_land():
    region = nest([square(40, 40, 20), square(0, 0, 100), square(20, 20, 60)])
    assert [len(rings) for rings in region.polygons] == [2, 1]
    assert region.contains([10, 30, 50], [10, 30, 50]).tolist() == [True, False, True]
    assert area_px(region) == 100**2 - 60**2 + 20**2


def test_outlines_side_by_side_are_united():
    region = nest([square(0, 0, 10), square(5, 5, 10)])
    assert region.contains([1, 14, 7], [1, 14, 7]).all()
    assert all(len(rings) == 1 for rings in region.polygons)


def test_a_hole_in_two_overlapping_outlines_needs_no_third():
    around = [square(0, 0, 100), square(30, 30, 100)]
    inside = [square(2, 2, 50), square(40, 40, 10)]
    nest([*around, *inside])


def test_what_encloses_nothing_is_refused_in_one_sentence():
    line = np.array([[0, 0], [1, 1], [2, 2.0]])
    with pytest.raises(SettingsError, match="draw a polygon"):
        nest([line, line[:2]])


def test_an_ellipse_fills_its_share_of_the_box():
    assert ring_area(ellipse_ring(square(3, 4, 20.0))) == pytest.approx(np.pi * 100, rel=2e-3)


def test_a_file_of_the_region_gives_the_same_region_back(tmp_path):
    region = nest([square(0.1, 0.2, 100 / 3), square(10, 10, 5)])
    path = tmp_path / "r.geojson"
    path.write_text(to_geojson(region))
    back = parse_region(path)
    assert back.name == region.name  # not the path, because the file may soon be deleted
    for rings, again in zip(region.polygons, back.polygons, strict=True):
        for ring, same in zip(rings, again, strict=True):
            assert (ring == same).all()
