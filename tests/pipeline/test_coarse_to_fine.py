"""Rules for what is measured next, on curves with a known optimum."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsi_scale.estimators import Options
from wsi_scale.estimators.curves import peak
from wsi_scale.geometry import ScaleGrid, Site
from wsi_scale.judgement.estimate import blank_estimate
from wsi_scale.pipeline.coarse_to_fine import (
    first_scales,
    groups,
    narrow_enough,
    next_scales,
    sites_before_check,
    strides,
)
from wsi_scale.pipeline.settings import Settings

densities = st.sampled_from([1, 2, 3, 4, 6, 8, 10, 16])
octaves = st.floats(1, 7)


def grid_of(octaves, per_octave):
    steps = strides(per_octave)
    return ScaleGrid.geometric(0.5, 0.5 * 2**octaves, per_octave, multiple=steps[0]), steps


def seek(grid, steps, score_at):
    """Measured positions and the answer, once nothing more is to be measured."""
    scales, measured = np.array(grid.scales), first_scales(len(grid), steps[0])
    for _ in range(40):
        score = np.array([score_at(scales[i]) for i in measured])
        more = next_scales(grid.scales, measured, score, steps)
        if not more:
            return measured, peak(scales[list(measured)], score)
        assert not set(more) & set(measured), "nothing is measured twice"
        assert list(more) == sorted(set(more))
        assert more[0] >= 0
        assert more[-1] < len(grid)
        measured = tuple(sorted({*measured, *more}))
    raise AssertionError("it never ends")


@given(octaves, densities)
def test_the_first_visit_spreads_evenly_over_the_window_with_both_ends(octaves, per_octave):
    grid, (step, *_) = grid_of(octaves, per_octave)
    first = first_scales(len(grid), step)
    assert (first[0], first[-1]) == (0, len(grid) - 1)
    assert set(np.diff(first)) == {step}
    assert math.log2(grid.scales[step] / grid.scales[0]) <= 1 + 1e-9


@given(st.floats(0.1, 64))
def test_steps_fall_from_an_octave_to_a_quarter_or_to_single_ones(per_octave):
    steps = strides(per_octave)
    assert list(steps) == sorted(set(steps), reverse=True)
    assert steps[0] <= max(1, per_octave)
    assert steps[-1] == 1 or 4 <= per_octave / steps[-1] < 16
    assert strides(8) == (8, 4, 2)
    assert strides(1) == (1,)


@given(octaves, densities, st.floats(-0.5, 1.5), st.floats(0.1, 10))
def test_one_broad_optimum_is_found_as_well_as_with_all_scales(octaves, per_octave, at, steep):
    grid, steps = grid_of(octaves, per_octave)
    top = math.log2(0.5) + at * octaves

    def score(scale):
        return -steep * (math.log2(scale) - top) ** 2

    measured, best = seek(grid, steps, score)
    scales = np.array(grid.scales)
    assert best == pytest.approx(peak(scales, np.array([score(x) for x in scales])))
    assert set(first_scales(len(grid), steps[0])) <= set(measured)


@given(octaves, densities, st.floats(0, 1), st.floats(0.05, 2))
def test_a_sharp_optimum_costs_no_more_than_a_broad_one(octaves, per_octave, at, width):
    grid, steps = grid_of(octaves, per_octave)
    top = math.log2(0.5) + at * octaves
    measured, _ = seek(grid, steps, lambda x: -(abs(math.log2(x) - top) ** width))
    assert len(measured) <= len(first_scales(len(grid), steps[0])) + 4 * len(steps)


@given(st.lists(st.floats(-1, 1), min_size=41, max_size=41))
def test_whatever_the_curve_it_ends_with_the_best_surrounded(values):
    grid, steps = grid_of(5, 8)
    of = dict(zip(grid.scales, values, strict=True))
    measured, _ = seek(grid, steps, lambda scale: of[scale])
    top = max(measured, key=lambda i: values[i])
    left = top - max((i for i in measured if i < top), default=top)
    right = min((i for i in measured if i > top), default=top) - top
    assert max(left, right) <= 2


def test_the_default_window_takes_at_most_ten_scales_for_one_optimum():
    """46 sites × 10 are 460 patches; the thesis's 50 × 95 are 4 750."""
    grid, steps = grid_of(5, 8)
    for top in np.linspace(-1, 4, 200):
        measured, _ = seek(grid, steps, lambda x, t=top: -((math.log2(x) - t) ** 2))
        assert len(measured) <= 10


def test_a_second_peak_that_comes_close_is_refined_too():
    grid, steps = grid_of(5, 8)
    first = first_scales(len(grid), steps[0])

    def asked(height):
        score = np.array([-2.0, 0, -1, -3, height, -1])
        return next_scales(grid.scales, first, score, steps)

    assert asked(-0.3) == (4, 12, 28, 36)
    assert asked(-0.9) == (4, 12)


def test_no_answer_asks_for_nothing():
    grid, steps = grid_of(5, 8)
    assert next_scales(grid.scales, first_scales(41, steps[0]), np.full(6, np.nan), steps) == ()


# Sites


@given(st.integers(1, 300))
def test_groups_hold_every_site_once(count):
    sites = [Site(float(i), 0.0) for i in range(count)]
    parts = list(groups(sites, 16))
    assert len(parts[0]) == min(16, count)
    assert sorted(site for part in parts for site in part) == sites
    assert list(groups(sites, None)) == [sites]


def test_a_run_is_checked_first_when_it_may_be_ok_or_sooner_if_it_never_can():
    sure, unsure = Options(selective=0.2), Options(selective=0.319)
    assert sites_before_check(Settings()) is None  # its interval shrinks with every site
    assert sites_before_check(Settings(options=sure)) == 16
    assert sites_before_check(Settings(options=unsure)) == 8
    assert sites_before_check(Settings(options=unsure, precision=0.1)) == 16


def test_the_first_group_is_spread_over_all_sites():
    """Sites with most room come first; a small slide's rim is among the last."""
    first = sorted(site.x for site in next(iter(groups([Site(i, 0) for i in range(160)], 16))))
    assert max(np.diff([0, *first, 160])) <= 20


@pytest.mark.parametrize(
    ("interval", "verdict", "enough"),
    [
        ((3.7, 4.3), "ok", True),
        ((3.5, 4.1), "ok", False),
        ((3.9, 4.5), "ok", False),
        ((3.7, 4.3), "edge", True),
        ((3.7, 4.3), "ambiguous", False),
        (None, "ok", False),
    ],
)
def test_narrow_enough_is_within_the_share_on_both_sides(interval, verdict, enough):
    blank = blank_estimate(ScaleGrid((1.0, 2.0)), 0.9, "")
    answer = replace(blank, scale=4.0, interval=interval, verdict=verdict)
    assert narrow_enough(answer, 0.1) is enough
    assert not narrow_enough(answer, None)
    assert not narrow_enough(replace(answer, scale=None), 0.1)
