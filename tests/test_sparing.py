"""Laws of what is looked at next, tried on curves whose optimum is known."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsi_scale.estimators.curves import peak
from wsi_scale.geometry import ScaleGrid, Site
from wsi_scale.judge import blank_estimate
from wsi_scale.sparing import first_look, groups, narrow_enough, next_look, stride

densities = st.sampled_from([1, 2, 3, 4, 6, 8, 10, 16])
octaves = st.floats(1, 7)


def grid_of(octaves, per_octave):
    step = stride(per_octave)
    return ScaleGrid.geometric(0.5, 0.5 * 2**octaves, per_octave, multiple=step), step


def seek(grid, step, score_at):
    """Measured positions and the answer, once nothing more is asked for."""
    scales, measured = np.array(grid.scales), first_look(len(grid), step)
    for _ in range(10):
        score = np.array([score_at(scales[i]) for i in measured])
        best = peak(scales[list(measured)], score)
        more = next_look(grid.scales, measured, score, best, step)
        if not more:
            return measured, best
        assert not set(more) & set(measured), "nothing is measured twice"
        assert list(more) == sorted(set(more))
        assert more[0] >= 0
        assert more[-1] < len(grid)
        measured = tuple(sorted({*measured, *more}))
    raise AssertionError("it never ends")


@given(octaves, densities)
def test_the_first_look_spreads_evenly_over_the_window_with_both_ends(octaves, per_octave):
    grid, step = grid_of(octaves, per_octave)
    first = first_look(len(grid), step)
    assert (first[0], first[-1]) == (0, len(grid) - 1)
    assert set(np.diff(first)) == {step}
    assert math.log2(grid.scales[step] / grid.scales[0]) <= max(1 / 2, 1 / per_octave) + 1e-9


@given(octaves, densities, st.floats(-0.5, 1.5), st.floats(0.1, 10))
def test_one_broad_optimum_is_found_as_well_as_with_all_scales(octaves, per_octave, at, steep):
    grid, step = grid_of(octaves, per_octave)
    top = math.log2(0.5) + at * octaves

    def score(scale):
        return -steep * (math.log2(scale) - top) ** 2

    measured, best = seek(grid, step, score)
    scales = np.array(grid.scales)
    assert best == pytest.approx(peak(scales, np.array([score(x) for x in scales])))
    assert set(first_look(len(grid), step)) <= set(measured)


@given(octaves, densities, st.floats(0, 1), st.floats(0.05, 2))
def test_a_sharp_optimum_costs_no_more_than_a_broad_one(octaves, per_octave, at, width):
    grid, step = grid_of(octaves, per_octave)
    top = math.log2(0.5) + at * octaves
    measured, _ = seek(grid, step, lambda x: -(abs(math.log2(x) - top) ** width))
    assert len(measured) <= len(first_look(len(grid), step)) + 2 * (step - 1) + 2


@given(st.lists(st.floats(-1, 1), min_size=41, max_size=41))
def test_whatever_the_curve_it_ends_with_the_best_surrounded(values):
    grid, step = grid_of(5, 8)
    of = dict(zip(grid.scales, values, strict=True))
    measured, best = seek(grid, step, lambda scale: of[scale])
    if best is not None:
        home = int(np.argmin(np.abs(np.log(np.array(grid.scales) / best))))
        assert {home - 1, home, home + 1} & set(range(len(grid))) <= set(measured)


def test_the_default_window_takes_at_most_19_scales_for_one_optimum():
    """24 sites × 19 are 456 patches; the thesis's 50 × 95 are 4 750."""
    grid, step = grid_of(5, 8)
    for top in np.linspace(-1, 4, 200):
        measured, _ = seek(grid, step, lambda x, t=top: -((math.log2(x) - t) ** 2))
        assert len(measured) <= 17


def test_a_second_peak_that_comes_close_is_looked_at_too():
    grid, step = grid_of(5, 8)
    scales = np.array(grid.scales)
    first = list(first_look(len(grid), step))

    def asked(height):
        score = np.array([-4.0, -3, -1, 0, -1, -3, -4, -1, height, -1, -4])
        more = next_look(grid.scales, first, score, float(scales[first[3]]), step)
        return {first[8] - 2, first[8] + 2} & set(more)

    assert len(asked(-0.3)) == 2
    assert not asked(-0.9)


def test_no_answer_asks_for_nothing():
    grid, step = grid_of(5, 8)
    nothing = np.full(11, np.nan)
    assert next_look(grid.scales, first_look(41, step), nothing, None, step) == ()


# Sites


@given(st.integers(1, 300))
def test_groups_hold_every_site_once_and_never_fewer_than_can_be_ok(count):
    sites = [Site(float(i), 0.0) for i in range(count)]
    parts = list(groups(sites, 0.1))
    assert len(parts[0]) == min(16, count)
    assert sorted(site for part in parts for site in part) == sites
    assert list(groups(sites, None)) == [sites]


def test_the_first_group_is_spread_over_all_sites():
    """Sites with most room come first; a small slide's rim is among the last."""
    first = sorted(site.x for site in next(iter(groups([Site(i, 0) for i in range(160)], 0.1))))
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
