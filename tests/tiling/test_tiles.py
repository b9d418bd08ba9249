"""Tiles fit exactly, show the same as one large read, and are stitched into one picture."""

import json
import logging
import math
import pickle
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.data import DataLoader

from wsi_scale import Box, Estimate, TileDataset, Tiles, load_network, open_slide, stitch, tiles
from wsi_scale.errors import SettingsError, SiteError, SlideError
from wsi_scale.geometry import pick_level
from wsi_scale.sites.regions import parse_region
from wsi_scale.testing import (
    disc_image,
    painted_levels,
    shrunk_levels,
    slide_in_memory,
    write_pyramid_tiff,
)
from wsi_scale.tiling.layout import Layout, span
from wsi_scale.tiling.worth_reading import touched

FIGURES = "synthetic:figures?seed=2&width=1300&height=1100"
WHITE = np.array((255, 255, 255))

sides = st.floats(1, 3000)
scales = st.floats(0.3, 40)


@st.composite
def layouts(draw, smallest=1, largest=300, most=400):
    """Any area inside any bounds at any scale, with a limited number of tiles."""
    size = draw(st.integers(smallest, largest))
    overlap = draw(st.integers(0, size - 1))
    scale = draw(scales)
    step = (size - overlap) * scale
    far = st.floats(1, max(1, step * math.isqrt(most)))
    area = Box(draw(st.floats(0, 5000)), draw(st.floats(0, 5000)), draw(far), draw(far))
    wider = Box(area.x, area.y, area.width + draw(sides), area.height + draw(sides))
    return Layout(area, draw(st.sampled_from([area, wider])), scale, size, overlap)


def coordinates(layout):
    """(2, rows, columns) float64: row and column of every output px that the tiles reach."""
    height = (layout.rows - 1) * layout.step + layout.size
    width = (layout.columns - 1) * layout.step + layout.size
    return np.stack(np.mgrid[:height, :width]).astype(float)


def cut_out(picture, layout, place):
    rows = slice(place.top, place.top + layout.size)
    return picture[..., rows, place.left : place.left + layout.size]


def of(layout, kept=None):
    count = layout.rows * layout.columns
    return Tiles(slide_in_memory(), layout, range(count) if kept is None else np.array(kept))


def read_at_once(slide, found):
    """The stitched picture, from a single tile large enough."""
    whole = tiles(slide, scale=found.scale, size=max(found.shape))
    return whole[0].pixels[: found.shape[0], : found.shape[1]]


def stitched(found):
    return np.moveaxis(stitch(found, (np.moveaxis(t.pixels, 2, 0) for t in found)), 0, 2)


# where tiles lie


def test_a_grid_counted_by_hand():
    """1000 px at scale 3 need 334 output px; tiles of 100 start at 0, 80, 160, 240."""
    layout = Layout(Box(10, 20, 1000, 90), Box(10, 20, 1000, 90), 3.0, 100, 20)
    assert (layout.width, layout.height, layout.columns, layout.rows) == (334, 30, 4, 1)
    last = layout.place(0, 3)
    assert (last.left, last.top, last.x, last.y) == (240, 0, 730, 20)
    assert (last.width, last.height, last.valid_width, last.valid_height) == (300, 300, 94, 30)


@pytest.mark.parametrize(
    ("length", "scale", "pixels"),
    [(1000, 4, 250), (1001, 4, 251), (2993, 2.993, 1000), (0.3 * 700, 0.3, 700), (5, 9, 1)],
)
def test_a_picture_has_a_px_for_every_step_of_scale_that_the_slide_begins(length, scale, pixels):
    assert Layout(Box(0, 0, length, 1), Box(0, 0, length, 1), scale, 10, 0).width == pixels


@given(layouts())
def test_without_gap_and_without_a_px_too_many(layout):
    assert (layout.width - 1) * layout.scale < layout.area.width
    assert layout.width * layout.scale >= layout.area.width - 1e-5 * layout.scale
    lefts = [layout.place(0, column).left for column in range(layout.columns)]
    assert lefts == [column * layout.step for column in range(layout.columns)]
    assert lefts[-1] + layout.size >= layout.width
    assert lefts[-1] < layout.width
    if layout.overlap == 0:
        seen = np.concatenate([np.arange(x, x + layout.size) for x in lefts])
        assert (seen == np.arange(len(seen))).all()


@given(layouts())
def test_places_on_the_slide_follow_from_those_in_the_picture(layout):
    """Computed from whole px, so errors do not add up from tile to tile."""
    for number in range(layout.rows * layout.columns):
        place = layout.place(*divmod(number, layout.columns))
        assert place.x == layout.area.x + place.left * layout.scale
        assert place.y == layout.area.y + place.top * layout.scale
        assert place.width == place.height == layout.size * layout.scale
        assert 1 <= place.valid_width <= layout.size
        assert place.left + place.valid_width >= min(layout.width, place.left + layout.size)


@given(layouts(), st.floats(1, 17), st.sampled_from([1, 2, 4]))
def test_a_read_holds_the_tile_and_the_filter_s_reach_and_stays_on_the_level(layout, down, reduce):
    ratio = layout.scale / down
    rim = layout.bounds.x / down, (layout.bounds.x + layout.bounds.width) / down
    first, last = math.floor(rim[0] + 1e-6), math.ceil(rim[1] - 1e-6)
    for column in range(layout.columns):
        begin = layout.place(0, column).x / down
        side = span(begin, layout.size, ratio, rim, reduce)
        assert first <= side.start < side.start + side.length <= max(first + 1, last)
        px = math.ceil(side.length / reduce) + sum(side.repeat)
        margin = 2 * max(1, ratio / reduce)
        assert side.box[0] >= margin - 1e-6
        assert side.box[1] <= px - margin + 1e-6
        here = side.start + (side.box[0] - side.repeat[0]) * reduce
        assert here == pytest.approx(begin)
        assert (side.box[1] - side.box[0]) * reduce == pytest.approx(layout.size * ratio)


# what tiles show


@pytest.mark.parametrize("scale", [1, 1.37, 2.99, 4.0, 5.01, 13.7])
@pytest.mark.parametrize("overlap", [0, 13])
def test_tiles_side_by_side_are_one_large_read(scale, overlap):
    with open_slide(FIGURES) as slide:
        found = tiles(slide, scale=scale, size=96, overlap=overlap)
        assert len(found) > 1 or scale > 12
        off = np.abs(stitched(found).astype(int) - read_at_once(slide, found))
    assert off.max() <= 2  # Pillow rounds the box of a read to 24 bits
    assert (off > 1).mean() < 1e-4


def test_tiles_of_a_slide_with_uneven_levels_are_one_large_read():
    base = np.random.default_rng(0).integers(0, 256, (501, 603, 3), dtype=np.uint8)
    with open_slide(shrunk_levels(base, (1, 2.1, 4.7))) as slide:
        for scale in (0.8, 1.9, 2.2, 4.9):
            found = tiles(slide, scale=scale, size=41, overlap=6)
            off = np.abs(stitched(found).astype(int) - read_at_once(slide, found))
            assert off.max() <= 2, scale


def test_at_scale_one_a_tile_is_the_slide_itself():
    with open_slide(FIGURES) as slide:
        tile = tiles(slide, scale=1, size=100, overlap=10)[17]
        assert (tile.place.row, tile.place.column) == (1, 2)
        assert (tile.pixels == slide.read(0, 180, 90, 100, 100)).all()


def test_a_ramp_keeps_its_position_at_every_scale():
    """Grey = x / 8, so the px of column j at scale s is grey (j + 1/2) · s / 8."""
    levels = [
        np.repeat(
            np.tile(np.rint((np.arange(1600 // d) + 0.5) * d / 8), (300 // d, 1))[..., None], 3, 2
        )
        for d in (1, 2, 4)
    ]
    with open_slide([level.astype(np.uint8) for level in levels]) as slide:
        for scale in (0.7, 1, 2.3, 3.9, 6.2):
            row = stitched(tiles(slide, scale=scale, size=64))[3, :, 0].astype(float)
            truth = (np.arange(len(row)) + 0.5) * scale / 8
            inner = slice(4, -4)
            assert np.abs(row - truth)[inner].max() < 1.01, scale


@pytest.mark.parametrize("scale", [0.7, 1.0, 1.9, 2.0, 4.5, 8.1])
def test_the_colour_proves_the_level_and_the_rim_is_white_without_a_seam(scale):
    with slide_in_memory(painted_levels()) as slide:
        colour = painted_levels()[pick_level(slide.levels, scale)][0, 0]
        for tile in tiles(slide, scale=scale, size=64, overlap=5):
            place = tile.place
            valid = np.zeros((64, 64), bool)
            valid[: place.valid_height, : place.valid_width] = True
            assert (tile.pixels[valid] == colour).all()
            assert (tile.pixels[~valid] == WHITE).all()


def test_a_slide_smaller_than_a_tile_is_one_tile():
    with slide_in_memory(disc_image(2, width=9, height=7, spacing=9)) as slide:
        (tile,) = tiles(slide, scale=1.0, size=512)
        assert (tile.place.valid_width, tile.place.valid_height) == (9, 7)
        assert (tile.pixels[:7, :9] == slide.read(0, 0, 0, 9, 7)).all()


def test_a_huge_tile_of_a_slide_without_levels_reads_alike_in_neighbours():
    """Averaged while reading, on the same grid for all tiles."""
    base = np.random.default_rng(1).integers(0, 256, (1000, 9000, 3), dtype=np.uint8)
    with open_slide(base) as slide:
        a, b = tiles(slide, scale=9.3, size=500, overlap=60)[:2]
        off = np.abs(a.pixels[:100, 440:].astype(int) - b.pixels[:100, :60])
    assert off.max() <= 1


# the sequence


def test_tiles_come_row_by_row_are_counted_sliced_and_indexed_as_in_a_list():
    with open_slide(FIGURES) as slide:
        found = tiles(slide, scale=4, size=100)
        assert len(found) == 12
        assert [(t.place.row, t.place.column) for t in found][:5] == [
            (0, 0), (0, 1), (0, 2), (0, 3), (1, 0)
        ]  # fmt: skip
        assert found.place(-1) == found[-1].place == found[np.int64(11)].place
        assert [t.place for t in found[4:6]] == [found.place(4), found.place(5)]
        assert (found.shape, found.origin, found.scale, found.mpp) == ((275, 325), (0, 0), 4, None)
        with pytest.raises(IndexError):
            found[12]
    assert "12 tiles of 100 px at scale 4 of synthetic" in repr(found)


def test_no_pixel_is_read_before_it_is_asked_for(monkeypatch):
    with open_slide(FIGURES) as slide:
        monkeypatch.setattr(slide, "_read", lambda *_: pytest.fail("read"))
        found = tiles(slide, scale=3.3)
        assert found.place(2).y == pytest.approx(224 * 3.3)
        assert len(found[1:]) == len(found) - 1


def test_the_resolution_of_tiles_follows_the_slide_s():
    with slide_in_memory(mpp=(0.5, 0.25)) as slide:
        assert tiles(slide, scale=3).mpp == (1.5, 0.75)


def test_a_scale_may_come_from_an_estimate(responses_of, caplog):
    from wsi_scale import estimate

    answer = estimate(responses_of(2.0, content=0.2))
    with slide_in_memory() as slide, caplog.at_level(logging.WARNING):
        assert tiles(slide, scale=answer).scale == answer.scale
    if answer.verdict == "ok":
        assert not caplog.records


def blank(verdict="flat", scale=None):
    """An estimate with only a verdict, a reason and maybe a scale."""
    nothing = dict.fromkeys(Estimate.__dataclass_fields__)
    known = {"scale": scale, "verdict": verdict, "reason": "the network does not care"}
    return Estimate(**(nothing | known))


def test_an_estimate_with_reservations_is_used_and_said_so(caplog):
    with slide_in_memory() as slide, caplog.at_level(logging.WARNING):
        assert tiles(slide, scale=blank("edge", 2.5)).scale == 2.5
    assert "use scale 2.5 with care (edge)" in caplog.text


def test_upsampling_is_said(caplog):
    with slide_in_memory() as slide, caplog.at_level(logging.WARNING):
        assert tiles(slide, scale=0.5).upsampled
        assert not tiles(slide, scale=1.0).upsampled
    assert len(caplog.records) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scale": None}, "no scale was found; to cut"),
        ({"scale": blank()}, "no scale was found: the network does not care"),
        ({"scale": "4"}, "scale must be a number"),
        ({"scale": 0}, "above 0"),
        ({"scale": math.nan}, "finite"),
        ({"size": 0}, "at least 1 px"),
        ({"size": 22.5}, "whole number"),
        ({"size": 32, "overlap": 32}, "may overlap by 0 to 31 px, got 32"),
        ({"overlap": -1}, "may overlap"),
        ({"tissue": 1.5}, "a share from 0 to 1"),
        ({"tissue": "yes"}, "a share from 0 to 1"),
        ({"region": "1,2,3"}, "four numbers"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(options, message):
    with slide_in_memory() as slide, pytest.raises(SettingsError, match=message) as refusal:
        tiles(slide, **({"scale": 2} | options))
    assert "\n" not in str(refusal.value)


def test_a_path_in_place_of_a_slide_is_refused():
    with pytest.raises(SlideError, match="open_slide"):
        tiles("slide.svs", scale=2)


def test_a_closed_slide_gives_no_tiles():
    with slide_in_memory() as slide:
        found = tiles(slide, scale=2)
    with pytest.raises(SlideError, match="closed"):
        found[0]


# a region, tissue


def test_tiles_of_a_box_begin_in_its_corner_and_show_what_lies_around_it():
    with open_slide(FIGURES) as slide:
        found = tiles(slide, scale=1, size=64, region="100,200,150,60")
        assert (found.origin, found.shape, len(found)) == ((100, 200), (60, 150), 3)
        assert (found[2].pixels == slide.read(0, 228, 200, 64, 64)).all()
        assert (found[2].place.valid_width, found[2].place.valid_height) == (64, 64)
        assert (stitched(found) == slide.read(0, 100, 200, 150, 60)).all()


def test_a_box_that_hangs_over_the_slide_is_cut_to_it():
    with open_slide(FIGURES) as slide:
        found = tiles(slide, scale=2, size=50, region="-50,1000,200,1e6")
        assert (found.origin, found.shape) == ((0, 1000), (50, 75))


def test_only_tiles_that_a_polygon_touches_are_kept(tmp_path):
    """An L of two bars, 300 × 100 and 100 × 300: five tiles of 100."""
    corners = [[0, 0], [300, 0], [300, 99], [99, 99], [99, 300], [0, 300], [0, 0]]
    path = tmp_path / "l.geojson"
    path.write_text(json.dumps({"type": "Polygon", "coordinates": [corners]}))
    with open_slide(FIGURES) as slide:
        found = tiles(slide, scale=1, size=100, region=path)
        at = [(p.row, p.column) for p in map(found.place, range(len(found)))]
    assert at == [(0, 0), (0, 1), (0, 2), (1, 0), (2, 0)]


points = st.tuples(st.floats(-200, 1200), st.floats(-200, 1200))


@given(st.lists(points, min_size=3, max_size=6, unique=True), layouts(smallest=8))
def test_no_tile_that_a_region_covers_by_more_than_a_corner_is_left_out(corners, layout):
    from wsi_scale.sites.regions import Region

    region = Region(((np.array(corners, float),),))
    keep = touched(layout, region)
    share = layout.step * layout.scale / 16
    for row in range(layout.rows):
        for column in range(layout.columns):
            place = layout.place(row, column)
            right = min(place.x + place.width, layout.area.x + layout.area.width) - share
            bottom = min(place.y + place.height, layout.area.y + layout.area.height) - share
            if right > place.x + share and bottom > place.y + share:
                xs = np.linspace(place.x + share, right, 4)
                inside = region.contains_grid(xs, np.linspace(place.y + share, bottom, 4))
                assert keep[row, column] or not inside.any()


def test_a_region_off_the_slide_or_around_nothing_of_it_is_refused(tmp_path):
    path = tmp_path / "v.geojson"
    corners = [[-10, -10], [400, -10], [-10, 400], [-10, -10]]
    hole = [[-5, -5], [390, -5], [-5, 390], [-5, -5]]
    path.write_text(json.dumps({"type": "Polygon", "coordinates": [corners, hole]}))
    with slide_in_memory(disc_image(9, width=60, height=60)) as slide:
        with pytest.raises(SiteError, match="lies outside"):
            tiles(slide, scale=1, region="5000,0,10,10")
        with pytest.raises(SiteError, match="covers no part of"):
            tiles(slide, scale=1, region=path)


def stained(width=800, height=600):
    """Glass with purple from x 200 to 400 and y 0 to 300."""
    base = np.full((height, width, 3), 245, np.uint8)
    base[:300, 200:400] = (140, 60, 150)
    return base


def test_only_tiles_with_tissue_are_kept_and_a_share_says_how_much():
    with open_slide(stained()) as slide:

        def at(**options):
            found = tiles(slide, scale=1, size=100, **options)
            return {(p.row, p.column) for p in map(found.place, range(len(found)))}

        inside = {(row, column) for row in range(3) for column in (2, 3)}
        assert at(tissue=True) == at(tissue=0.5) == inside
        assert len(at(tissue=0)) == len(at()) == 48
        middle = tiles(slide, scale=1, size=200, overlap=50, tissue=0.5)
        columns = {middle.place(i).column for i in range(len(middle))}
        assert columns == {1, 2}  # 3/4 of 150–350 is tissue, and half of 300–500


def test_a_region_and_tissue_are_both_asked():
    with open_slide(stained()) as slide:
        found = tiles(slide, scale=1, size=100, region="300,0,300,600", tissue=0.5)
        assert [found.place(i).x for i in range(len(found))] == [300, 300, 300]


def test_a_slide_without_tissue_has_no_tiles_and_an_empty_picture():
    with open_slide(np.full((300, 400, 3), 245, np.uint8)) as slide:
        found = tiles(slide, scale=2, tissue=True)
        assert len(found) == 0
        assert (stitch(found, [], fill=7) == np.full((150, 200), 7)).all()


# stitching


@settings(max_examples=40)
@given(layouts(largest=30, most=60), st.sampled_from(["crop", "blend"]))
def test_every_px_comes_back_to_its_place(layout, overlaps):
    truth = coordinates(layout)
    found = of(layout)
    cuts = (cut_out(truth, layout, found.place(i)) for i in range(len(found)))
    out = stitch(found, cuts, overlaps=overlaps)
    assert out == pytest.approx(truth[:, : layout.height, : layout.width], rel=1e-4, abs=1e-4)


@settings(max_examples=40)
@given(layouts(largest=30, most=60), st.data(), st.sampled_from(["crop", "blend"]))
def test_what_a_kept_tile_covers_is_filled_and_nothing_else(layout, data, overlaps):
    count = layout.rows * layout.columns
    kept = data.draw(st.lists(st.integers(0, count - 1), unique=True, min_size=1).map(sorted))
    truth = coordinates(layout)
    found = of(layout, kept)
    covered = np.zeros(truth.shape[1:], bool)
    for i in range(len(found)):
        cut_out(covered, layout, found.place(i))[...] = True
    cuts = (cut_out(truth, layout, found.place(i)) for i in range(len(found)))
    out = stitch(found, cuts, overlaps=overlaps, fill=-5)
    expected = np.where(covered, truth, -5)[:, : layout.height, : layout.width]
    assert out == pytest.approx(expected, rel=1e-4, abs=1e-4)


@settings(max_examples=40)
@given(layouts(largest=30, most=60))
def test_cropped_labels_come_from_the_tile_in_which_they_lie_deepest(layout):
    """Each prediction is its tile's number; every px comes from a tile in which it lies deepest."""
    found = of(layout)
    cuts = (np.full((layout.size, layout.size), i) for i in range(len(found)))
    row = stitch(found, cuts)[0] % layout.columns
    px = np.arange(layout.width)
    lefts = np.arange(layout.columns) * layout.step
    off = np.abs(px[:, None] + 0.5 - lefts - layout.size / 2)
    assert (off[px, row] <= off.min(axis=1) + 1).all()


def test_blending_fades_linearly_over_the_overlap():
    """Two tiles of 6 that share 4: 1 1 then 7/8, 5/8, 3/8, 1/8 then 0 0."""
    layout = Layout(Box(0, 0, 8, 6), Box(0, 0, 8, 6), 1.0, 6, 4)
    one = np.ones((6, 6), np.float32)
    out = stitch(of(layout), [one, 0 * one], overlaps="blend")
    # weights of both before division by their sum: min(distance from the edges, 4) / 4
    left = np.minimum(np.minimum(np.arange(6), 5 - np.arange(6)) + 0.5, 4) / 4
    sums = np.concatenate([left, [0, 0]]) + np.concatenate([[0, 0], left])
    assert out[0] == pytest.approx(np.concatenate([left, [0, 0]]) / sums)


def test_a_small_overlap_fades_by_exact_shares():
    layout = Layout(Box(0, 0, 18, 10), Box(0, 0, 18, 10), 1.0, 10, 2)
    one = np.ones((10, 10), np.float32)
    row = stitch(of(layout), [one, 0 * one], overlaps="blend")[4]
    assert row == pytest.approx([1] * 8 + [0.75, 0.25] + [0] * 8)


def test_types_are_kept_when_cropped_and_are_floats_when_blended():
    layout = Layout(Box(0, 0, 18, 10), Box(0, 0, 18, 10), 1.0, 10, 2)
    labels = [np.full((10, 10), k, np.uint8) for k in (3, 4)]
    assert stitch(of(layout), labels).dtype == np.uint8
    assert stitch(of(layout), labels)[0].tolist() == [3] * 9 + [4] * 9
    halves = [np.full((2, 10, 10), k, np.float16) for k in (3, 4)]
    assert stitch(of(layout), halves, overlaps="blend").dtype == np.float32
    assert stitch(of(layout), map(torch.tensor, halves)).shape == (2, 10, 18)


def test_a_picture_may_be_written_into_a_file(tmp_path):
    layout = Layout(Box(0, 0, 18, 10), Box(0, 0, 18, 10), 1.0, 10, 2)
    out = np.memmap(tmp_path / "out", np.float32, "w+", shape=(3, 10, 18))
    ones = [np.ones((3, 10, 10), np.float32)] * 2
    for overlaps in ("crop", "blend"):
        out[:] = 9
        assert stitch(of(layout), ones, overlaps=overlaps, out=out) is out
        assert (out == 1).all()


@pytest.mark.parametrize(
    ("predictions", "options", "message"),
    [
        ([np.zeros((10, 10))], {}, "1 predictions for 2 tiles"),
        ([np.zeros((10, 10))] * 3, {}, "more predictions than the 2 tiles"),
        ([np.zeros((5, 5))] * 2, {}, r"\(10, 10\) or \(C, 10, 10\)"),
        ([np.zeros(20)] * 2, {}, "like its tile, got"),
        ([np.zeros((10, 10)), np.zeros((2, 10, 10))], {}, "row 0, column 1 has shape"),
        ([np.zeros((10, 10), int)] * 2, {"overlaps": "blend"}, "labels, which cannot be blended"),
        ([np.zeros((10, 10))] * 2, {"overlaps": "mean"}, "'crop' or 'blend'"),
        ([np.zeros((10, 10))] * 2, {"out": np.zeros((3, 3))}, "the result has"),
        ([np.zeros((10, 10))] * 2, {"out": np.zeros((10, 18), np.uint8)}, "cannot hold"),
        ([np.zeros((10, 10), np.uint8)] * 2, {"fill": -1}, "fill -1 does not fit into uint8"),
        ([np.zeros((10, 10), int)] * 2, {"fill": np.nan}, "fill nan does not fit into int64"),
    ],
)
def test_predictions_that_do_not_fit_are_refused(predictions, options, message):
    layout = Layout(Box(0, 0, 18, 10), Box(0, 0, 18, 10), 1.0, 10, 2)
    with pytest.raises(SettingsError, match=message):
        stitch(of(layout), predictions, **options)


# torch


def darker(pixels):
    return pixels // 2


def test_a_dataset_gives_tensors_and_the_index_of_their_tile():
    with open_slide(FIGURES) as slide:
        found = tiles(slide, scale=2, size=64)
        image, index = TileDataset(found)[5]
        assert (image.shape, image.dtype, index) == ((3, 64, 64), torch.uint8, 5)
        assert (image.permute(1, 2, 0).numpy() == found[5].pixels).all()
        assert (TileDataset(found, transform=darker)[5][0] == found[5].pixels // 2).all()
        assert len(TileDataset(found)) == len(found)


def test_a_dataset_prepares_tiles_as_the_network_would():
    network = load_network("figures")
    with open_slide(FIGURES) as slide:
        found = tiles(slide, scale=2)
        image, _ = TileDataset(found, network=network)[1]
        assert torch.equal(image, network.prepare(found[1].pixels[None])[0])
        image, _ = TileDataset(found, network=network, transform=darker)[1]
        assert torch.equal(image, network.prepare(found[1].pixels[None] // 2)[0])


def test_a_network_s_weights_do_not_travel_with_the_dataset():
    network = load_network("figures")
    with open_slide(FIGURES) as slide:
        dataset = TileDataset(tiles(slide, scale=2), network=network)
    feeder = pickle.loads(pickle.dumps(dataset))._feeder
    assert list(feeder.module.parameters()) == []
    assert feeder.calls == ()


def test_tiles_of_a_size_the_network_does_not_take_are_refused():
    with open_slide(FIGURES) as slide, pytest.raises(SettingsError, match="size=224"):
        TileDataset(tiles(slide, scale=2, size=256), network=load_network("figures"))


@pytest.fixture
def stored(tmp_path):
    return write_pyramid_tiff(tmp_path / "slide.tiff", disc_image(20))


# TiffSlide uses zarr, which keeps a thread; forking next to that thread is tested here
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
@pytest.mark.parametrize(
    ("reader", "start"), [("openslide", "fork"), ("tiffslide", "fork"), ("tiffslide", "spawn")]
)
def test_workers_read_the_same_tiles(stored, reader, start, request):
    if start == "fork":
        request.getfixturevalue("can_fork")
    with open_slide(stored, reader=reader) as slide:
        found = tiles(slide, scale=1.7, size=96, overlap=8)
        here = [torch.tensor(tile.pixels).permute(2, 0, 1) for tile in found]
        dataset = TileDataset(found, transform=partial(torch.tensor))
        loader = DataLoader(dataset, batch_size=3, num_workers=2, multiprocessing_context=start)
        images, indices = (torch.cat(parts) for parts in zip(*loader, strict=True))
    assert indices.tolist() == list(range(len(found)))
    assert torch.equal(images.permute(0, 3, 1, 2), torch.stack(here))


def test_a_shuffled_loader_still_says_which_tile_is_which(stored):
    with open_slide(stored) as slide:
        found = tiles(slide, scale=2, size=64, tissue=True)
        for images, indices in DataLoader(TileDataset(found), batch_size=4, shuffle=True):
            for image, index in zip(images, indices, strict=True):
                assert (image.permute(1, 2, 0).numpy() == found[int(index)].pixels).all()


# real files


@pytest.mark.real
@pytest.mark.parametrize("name", ["CMU-1-Small-Region.svs", "boxes.tiff"])
def test_tiles_of_a_real_slide_are_one_large_read(real_data, name):
    with open_slide(real_data / "slides" / name) as slide:
        found = tiles(slide, scale=3.1, size=128, overlap=16, region="10,20,1500,1200")
        whole = tiles(slide, scale=3.1, size=max(found.shape), region="10,20,1500,1200")[0].pixels
        off = np.abs(stitched(found).astype(int) - whole[: found.shape[0], : found.shape[1]])
    assert off.max() <= 2


@pytest.mark.real
def test_tissue_tiles_of_a_real_slide_are_fewer_and_darker(real_data):
    with open_slide(real_data / "slides" / "CMU-1-Small-Region.svs") as slide:
        found = tiles(slide, scale=4, size=64, tissue=0.5)
        everything = tiles(slide, scale=4, size=64)
        assert 0 < len(found) < len(everything)
        kept = np.mean([tile.pixels.mean() for tile in found])
        assert kept < np.mean([tile.pixels.mean() for tile in everything])


def test_a_region_may_be_parsed_before(tmp_path):
    with open_slide(FIGURES) as slide:
        box = parse_region("100,100,300,300")
        assert tiles(slide, scale=1, region=box).layout == (
            tiles(slide, scale=1, region="100,100,300,300").layout
        )
