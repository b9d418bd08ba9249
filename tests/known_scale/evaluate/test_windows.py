"""Windows hold the truth and never have it at their middle, even if a small slide cuts them."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsi_scale.errors import SettingsError
from wsi_scale.geometry import ScaleGrid
from wsi_scale.known_scale.evaluate.windows import (
    CENTRED,
    INSIDE,
    ScaleWindow,
    draw_factors,
    fair_windows,
    parse_factors,
    union,
)

truths = st.floats(0.05, 50)
seeds = st.integers(0, 2**32)


@given(truths, seeds, seeds)
def test_a_drawn_window_holds_the_truth_half_an_octave_off_its_middle(truth, seed, number):
    below, above = (x.times(truth) for x in draw_factors(seed, number))
    for window in (below, above):
        assert math.log2(window.hi / window.lo) == pytest.approx(3)
        assert 0.5 - 1e-9 <= abs(math.log2(window.middle / truth)) <= 1 + 1e-9
        assert window.lo * 2**0.49 < truth < window.hi / 2**0.49
    assert below.middle < truth < above.middle


@given(truths, seeds, st.floats(1, 20), st.floats(0.1, 5))
def test_what_a_grid_leaves_never_has_the_truth_at_its_middle(truth, seed, per_octave, room):
    """Also where the slide is so small that it cuts the windows' upper ends."""
    windows = tuple(x.times(truth) for x in draw_factors(seed, 0))
    whole = union(windows)
    hi = min(whole.hi, max(truth * room, 2 * whole.lo))
    grid = ScaleGrid.geometric(whole.lo, hi, per_octave)
    for cut in fair_windows(windows, grid, truth):
        assert cut.lo in grid.scales
        assert cut.hi in grid.scales
        assert abs(math.log2(cut.middle / truth)) >= CENTRED - 1e-6
        assert cut.lo * 2 ** (INSIDE - 1e-6) <= truth <= cut.hi / 2 ** (INSIDE - 1e-6)


@given(truths, seeds)
def test_on_a_large_slide_both_windows_stay(truth, seed):
    windows = tuple(x.times(truth) for x in draw_factors(seed, 0))
    whole = union(windows)
    grid = ScaleGrid.geometric(whole.lo, whole.hi, 8)
    assert len(fair_windows(windows, grid, truth)) == 2


def test_a_cut_window_is_kept_where_it_is_still_fair():
    """0.5–4 around 1 is cut to 0.5–1.5: middle 0.87, so the truth is 0.2 octave off: left out.
    0.25–2 is cut to 0.25–1.5: middle 0.61, 0.71 octave off: kept."""
    grid = ScaleGrid((0.25, 0.5, 0.75, 1.0, 1.5))
    windows = (ScaleWindow(0.25, 2), ScaleWindow(0.5, 4))
    assert fair_windows(windows, grid, 1.0) == (ScaleWindow(0.25, 1.5),)


def test_windows_hang_on_seed_and_slide_alone():
    assert draw_factors(1, 2) == draw_factors(1, 2)
    assert draw_factors(1, 2) != draw_factors(1, 3)
    assert draw_factors(1, 2) != draw_factors(2, 2)


def test_windows_can_be_given_as_factors():
    assert parse_factors("0.2:1.7,0.6:5") == (ScaleWindow(0.2, 1.7), ScaleWindow(0.6, 5))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("0.5:2", "right scale .* near its middle .* its middle 1 must be 0.25 octave away"),
        ("2:8", "too near its middle or an end"),
        ("0.95:8", "too near its middle or an end"),
        ("0.2-1.7", "takes factors LO:HI of the right scale, .* got '0.2-1.7'"),
        ("2:1", "takes factors LO:HI"),
        ("", "got ''"),
        ("nan:2", "takes factors LO:HI"),
        ("0:2", "takes factors LO:HI"),
    ],
)
def test_windows_in_which_nothing_can_be_learnt_are_refused(text, says):
    with pytest.raises(SettingsError, match=says):
        parse_factors(text)
