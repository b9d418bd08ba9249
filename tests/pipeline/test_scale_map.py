"""The map: each part of a slide has the answer of its own sites, or none."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from wsi_scale import Settings, open_slide, scale_map
from wsi_scale.errors import SettingsError
from wsi_scale.pipeline.iterate import iter_estimates
from wsi_scale.pipeline.scale_map import map_tile_by_tile

SIDE = 1000
QUICK = Settings(scales=(1, 4), per_octave=1, sites=2, as_is_sites=0, ruler=False)


def tissue(nucleus_um):
    """A square of drawn tissue whose nuclei are four times as many px wide."""
    path = f"synthetic:tissue?seed=1&nucleus_um={nucleus_um}&width=2000&height=2000&mpp=0.25"
    with open_slide(path) as slide:
        return slide.read(0, 500, 500, SIDE, SIDE)


@pytest.fixture(scope="module")
def two_tissues():
    """Above: two tissues, the left one drawn at half the scale of the right one. Below: stroma
    without any nucleus, and glass."""
    stroma = gaussian_filter(np.random.default_rng(0).normal(0, 1, (SIDE, SIDE)), 8)[..., None]
    stroma = np.clip(stroma * 90 + np.array([214, 160, 190]), 0, 255).astype(np.uint8)
    glass = np.full((SIDE, SIDE, 3), 245, np.uint8)
    above = np.concatenate([tissue(4.5), tissue(9)], axis=1)
    return np.concatenate([above, np.concatenate([stroma, glass], axis=1)])


@pytest.fixture(scope="module")
def found(two_tissues):
    few = Settings(scales=(1, 10), sites=4, as_is_sites=0, ruler=False)
    return scale_map(two_tissues, "histology", few, tile=SIDE)


def at(found, column, row):
    """The tile of a column and a row; None where there is none."""
    boxes = {(tile.box.x / SIDE, tile.box.y / SIDE): tile for tile in found.tiles}
    return boxes.get((column, row))


def test_the_border_between_two_tissues_shows(found):
    fine, coarse = at(found, 0, 0), at(found, 1, 0)
    assert coarse.scale / fine.scale == pytest.approx(2, rel=0.2)
    assert fine.interval[1] < coarse.interval[0]
    for tile in (fine, coarse):
        assert tile.interval[0] < tile.scale < tile.interval[1]
        assert tile.verdict != "ok"  # a part never is


def test_where_the_network_finds_nothing_there_is_no_number(found):
    stroma = at(found, 0, 1)
    assert stroma.scale is None
    assert stroma.reason


def test_there_are_tiles_only_where_there_is_tissue(found):
    assert at(found, 1, 1) is None
    assert found.planned == len(found.tiles) == 3
    assert not found.partial


def test_each_tile_pools_sites_of_its_own(found):
    assert {tile.sites for tile in found.tiles} == {16}


def test_a_number_of_which_little_is_known_is_not_given(two_tissues, monkeypatch):
    monkeypatch.setattr("wsi_scale.pipeline.scale_map.WIDEST", 1.01)
    (tile,) = scale_map(two_tissues[:SIDE, :SIDE], "figures", QUICK, tile=SIDE).tiles
    assert tile.scale is None
    assert "only between" in tile.reason


def test_a_map_that_was_stopped_keeps_its_tiles(two_tissues):
    with open_slide(two_tissues) as slide:
        *_, last = iter_estimates(slide, "figures", QUICK)
        growing = map_tile_by_tile(last, tile=SIDE)
        first, second = next(growing), next(growing)
        growing.close()
    assert (len(first.tiles), len(second.tiles), second.planned) == (0, 1, 3)
    assert second.partial


def test_a_tile_too_small_for_a_patch_is_refused(two_tissues):
    with pytest.raises(SettingsError, match=r"must be at least .* px wide"):
        scale_map(two_tissues, "figures", QUICK, tile=20)


def test_a_slide_without_tissue_has_no_map():
    glass = np.full((600, 600, 3), 255, np.uint8)
    with pytest.raises(SettingsError, match="no tissue to map"):
        scale_map(glass, "figures")


def test_the_map_stays_within_the_region(two_tissues):
    inside = QUICK.model_copy(update={"region": f"0,0,{SIDE},{SIDE}"})
    (tile,) = scale_map(two_tissues, "figures", inside, tile=SIDE).tiles
    assert tuple(tile.box) == (0, 0, SIDE, SIDE)
