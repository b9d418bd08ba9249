"""Properties of scale grids and read plans."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsi_scale.errors import SettingsError
from wsi_scale.geometry import (
    COARSER_TOLERANCE,
    Box,
    Level,
    ScaleGrid,
    Site,
    pick_level,
    reach,
)
from wsi_scale.slide.read_plan import MAX_READ_SIDE, plan_reads


def test_a_geometric_grid_holds_both_ends_and_is_even_in_octaves():
    grid = ScaleGrid.geometric(1, 4, 2)
    assert grid.scales == pytest.approx((1, 2**0.5, 2, 2**1.5, 4))
    assert ScaleGrid.geometric(0.5, 16, 8).scales[-1] == 16
    assert len(ScaleGrid.geometric(0.5, 16, 8)) == 41


def test_a_geometric_grid_is_never_coarser_than_asked():
    steps = np.diff(np.log2(ScaleGrid.geometric(0.7, 9.1, 5).scales))
    assert steps.max() <= 1 / 5 + 1e-9
    assert np.ptp(steps) < 1e-9


def test_the_thesis_grid_has_95_scales():
    grid = ScaleGrid.linear(0.5, 9.9, 0.1)
    assert len(grid) == 95
    assert grid.scales[45] == pytest.approx(5.0)
    assert grid.scales[-1] == pytest.approx(9.9)


@pytest.mark.parametrize(
    ("lo", "hi"), [(4, 4), (5, 1), (0, 1), (-1, 1), (math.nan, 1), (1, math.inf)]
)
def test_an_empty_or_impossible_window_is_refused_in_one_sentence(lo, hi):
    with pytest.raises(SettingsError, match=r"scales"):
        ScaleGrid.geometric(lo, hi)


def test_scales_must_rise():
    with pytest.raises(SettingsError, match="rise"):
        ScaleGrid((1.0, 1.0))


LEVELS = (Level(4000, 3000, 1.0), Level(999, 749, 4.0042), Level(250, 187, 16.02))


@pytest.mark.parametrize(
    ("scale", "level"), [(0.5, 0), (1, 0), (3.9, 0), (4.0, 1), (4.1, 1), (15.9, 2), (100, 2)]
)
def test_picks_the_coarsest_level_that_is_not_too_coarse(scale, level):
    assert pick_level(LEVELS, scale) == level


def test_reach_is_the_scale_whose_patch_just_touches_the_nearest_edge():
    assert reach(Box(0, 0, 1000, 800), Site(500, 400), 100) == pytest.approx(8)
    assert reach(Box(0, 0, 1000, 800), Site(50, 400), 100) == pytest.approx(1)
    assert reach(Box(100, 100, 1000, 800), Site(50, 400), 100) < 0


def test_patches_are_planned_from_the_finest_on_whatever_the_order_of_the_levels():
    levels = [Level(8000, 8000, 1.0), Level(500, 500, 16.0), Level(2000, 2000, 4.0)]
    plan = plan_reads(levels, Site(4000, 4000), ScaleGrid.geometric(0.5, 16, 2), 64)
    assert [read.level for read in plan.reads] == [0, 2, 1]
    assert [window.index for read in plan.reads for window in read.windows] == list(range(11))


def test_one_read_per_level_serves_all_its_patches():
    plan = plan_reads(LEVELS, Site(2000, 1500), ScaleGrid.geometric(0.5, 25, 8), 100)
    assert [read.level for read in plan.reads] == [0, 1, 2]
    assert sum(len(read.windows) for read in plan.reads) == len(plan.grid)


def test_a_wide_patch_of_a_flat_slide_is_averaged_while_it_is_read():
    plan = plan_reads((Level(200_000, 200_000, 1.0),), Site(1e5, 1e5), ScaleGrid((4.0, 500.0)), 224)
    fine, coarse = plan.reads
    assert (fine.reduce, len(fine.windows)) == (1, 1)
    assert coarse.reduce > 1
    assert coarse.width / coarse.reduce <= MAX_READ_SIDE * 1.1
    assert coarse.windows[0].side / 224 >= 2


@st.composite
def slides(draw):
    width, height = draw(st.integers(50, 60_000)), draw(st.integers(50, 60_000))
    ratios = draw(st.lists(st.floats(1.3, 5.3), max_size=4))
    levels, downsample = [Level(width, height, 1.0)], 1.0
    for ratio in ratios:
        downsample *= ratio
        w, h = math.floor(width / downsample), math.floor(height / downsample)
        if min(w, h) >= 1:
            levels.append(Level(w, h, (width / w + height / h) / 2))
    return tuple(levels)


@st.composite
def plans(draw):
    levels = draw(slides())
    x = draw(st.floats(0, levels[0].width))
    y = draw(st.floats(0, levels[0].height))
    lo = draw(st.floats(0.3, 5))
    grid = ScaleGrid.geometric(lo, lo * draw(st.floats(1.1, 40)), draw(st.integers(1, 10)))
    return levels, plan_reads(levels, Site(x, y), grid, draw(st.integers(8, 256)))


@given(plans())
def test_every_scale_is_either_read_once_or_outside(case):
    _, plan = case
    read = [window.index for one in plan.reads for window in one.windows]
    assert sorted(read + list(plan.outside)) == list(range(len(plan.grid)))


@given(plans())
def test_outside_means_that_the_patch_would_leave_the_slide(case):
    levels, plan = case
    for index, scale in enumerate(plan.grid.scales):
        half = plan.size * scale / 2
        fits = (
            plan.site.x - half >= -1e-3
            and plan.site.y - half >= -1e-3
            and plan.site.x + half <= levels[0].width + 1e-3
            and plan.site.y + half <= levels[0].height + 1e-3
        )
        assert fits or index in plan.outside


@given(plans())
def test_never_reads_a_coarser_level_than_asked(case):
    levels, plan = case
    for read in plan.reads:
        for window in read.windows:
            assert levels[read.level].downsample <= COARSER_TOLERANCE * window.scale or (
                read.level == 0 and window.scale < 1
            )


@given(plans())
def test_reads_stay_within_their_level_and_windows_within_their_read(case):
    levels, plan = case
    for read in plan.reads:
        level = levels[read.level]
        assert read.x >= 0
        assert read.y >= 0
        assert read.x + read.width <= level.width
        assert read.y + read.height <= level.height
        for window in read.windows:
            assert window.left >= 0
            assert window.top >= 0
            assert window.left + window.side <= read.width / read.reduce + 1e-6
            assert window.top + window.side <= read.height / read.reduce + 1e-6


@given(plans())
def test_windows_are_centred_on_the_site_to_the_sub_pixel_inside_the_slide(case):
    levels, plan = case
    for read in plan.reads:
        downsample = levels[read.level].downsample
        for window in read.windows:
            side = plan.size * window.scale / downsample / read.reduce
            if abs(window.side - side) > 1e-9:
                continue  # shortened, because an uneven level may end before level 0 does
            x = (read.x + (window.left + window.side / 2) * read.reduce) * downsample
            y = (read.y + (window.top + window.side / 2) * read.reduce) * downsample
            # an uneven level may end up to one of its pixels before level 0 does
            slack = 1e-6 if downsample == 1 else (1 + read.reduce) * downsample
            assert abs(x - plan.site.x) <= slack
            assert abs(y - plan.site.y) <= slack


@given(plans())
def test_upsampling_is_flagged_exactly_below_scale_one(case):
    _, plan = case
    for read in plan.reads:
        for window in read.windows:
            assert window.upsampled == (window.scale < 1 - 1e-9)


@given(plans())
def test_no_read_is_larger_than_its_widest_patch_needs(case):
    levels, plan = case
    for read in plan.reads:
        widest = max(w.scale for w in read.windows) / levels[read.level].downsample
        need = plan.size * widest + 4 * max(1.0, widest) + 2 * read.reduce + 2 + 1  # to be even
        assert read.width <= max(need, read.reduce)
        assert read.height <= max(need, read.reduce)
