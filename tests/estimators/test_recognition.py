"""What a network finds where it was taught to find nothing at wrong scales."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsi_scale.estimators import Options, Unavailable
from wsi_scale.estimators.recognition import LEAST_FOUND, RIVAL, band_of, prepare
from wsi_scale.geometry import ScaleGrid
from wsi_scale.judgement.estimate import estimate

PICKY = Options(selective=0.25)


@pytest.fixture
def found_of(responses_of):
    """Responses of a segmenter whose share of its one class is a function of log2(scale)."""

    def make(curve, **changes):
        one = responses_of(layers=(), **changes)
        octaves = np.log2(np.array(one.grid.scales))[one.scale_index]
        share = np.asarray(curve(octaves), np.float32)[:, None]
        return replace(one, share=share, task="segment", classes=("nucleus",))

    return make


def hill(middle, wide=0.5, high=0.2):
    """A triangle: high in the middle, half as much ``wide`` octaves away from it."""
    return lambda octaves: np.maximum(high * (1 - np.abs(octaves - middle) / (2 * wide)), 0)


def test_a_band_by_hand():
    band = band_of(np.array([0.0, 1, 2, 3, 4]), np.array([0, 0, 0.2, 0.1, 0]))
    assert (band.low, band.high) == pytest.approx((1.5, 3.0), abs=0.02)
    assert band.middle == pytest.approx(2.25, abs=0.02)
    assert (band.best, band.rival, band.cut) == (pytest.approx(0.2), None, None)


def test_gaps_in_the_curve_are_bridged():
    whole = band_of(np.arange(5.0), np.array([0, 0, 0.2, 0.1, 0]))
    assert band_of(np.arange(5.0), np.array([np.nan, 0, 0.2, 0.1, 0])) == whole


@given(st.floats(0.2, 2.8), st.floats(0.2, 0.8), st.floats(0.001, 1))
def test_the_middle_of_a_hill_is_found_however_high_it_is(middle, wide, high):
    octaves = np.linspace(-1, 4, 201)
    band = band_of(octaves, hill(middle, wide, high)(octaves))
    assert band.middle == pytest.approx(middle, abs=0.03)
    assert band.high - band.low == pytest.approx(2 * wide, abs=0.06)


def test_a_slide_is_answered_with_an_interval_as_wide_as_the_card_says(found_of):
    answer = estimate(found_of(hill(1.4)), options=PICKY)
    assert (answer.estimator, answer.verdict) == ("recognition", "ok")
    assert np.log2(answer.scale) == pytest.approx(1.4, abs=0.02)
    low, high = np.log2(answer.interval)
    assert (low, high) == pytest.approx((1.15, 1.65), abs=0.03)


def test_sites_with_nothing_to_find_do_not_move_the_answer(found_of):
    full = found_of(hill(1.4))
    empty = replace(full, share=np.where(full.site_index[:, None] < 8, full.share, 0))
    score = prepare(empty, PICKY)(np.ones(16))
    assert score.scale == pytest.approx(prepare(full, PICKY)(np.ones(16)).scale)


@pytest.mark.parametrize(("middle", "end"), [(-0.9, 0.5), (3.9, 16)])
def test_a_band_cut_off_by_the_window_is_a_bound(found_of, middle, end):
    answer = estimate(found_of(hill(middle)), options=PICKY)
    assert (answer.verdict, answer.scale) == ("edge", pytest.approx(end))


@pytest.mark.parametrize("end", [5.0, 7.7, 10.0, 13.3])
def test_an_answer_on_an_end_that_is_no_power_of_two_is_a_bound(found_of, end):
    """2 ** log2(end) lies below these ends by their last bit."""
    grid = ScaleGrid.geometric(0.5, end, 8)
    answer = estimate(found_of(hill(np.log2(end) + 0.2), grid=grid), options=PICKY)
    assert (answer.verdict, answer.scale) == ("edge", pytest.approx(end))


def test_invented_pixels_widen_a_band_and_make_none(found_of):
    def upsampled_only(octaves):
        return hill(-0.8, 0.2)(octaves)

    def both(octaves):
        return upsampled_only(octaves) * 2 + hill(1.5, 0.3)(octaves)

    assert estimate(found_of(upsampled_only), options=PICKY).verdict == "flat"
    answer = estimate(found_of(both), options=PICKY)
    assert (answer.verdict, np.log2(answer.scale)) == ("ok", pytest.approx(1.5, abs=0.03))
    below = estimate(found_of(hill(-0.2, 0.3)), options=PICKY)
    assert (below.verdict, np.log2(below.scale)) == ("ok", pytest.approx(-0.2, abs=0.03))


def test_finding_hardly_anything_is_outside(found_of):
    answer = estimate(found_of(hill(1.0, high=LEAST_FOUND / 2)), options=PICKY)
    assert answer.verdict == "outside"
    assert "1.0%" in answer.reason


def test_finding_as_much_everywhere_is_flat(found_of):
    answer = estimate(found_of(hill(1.5, wide=1.3)), options=PICKY)
    assert (answer.verdict, answer.scale) == ("flat", None)


def test_two_scales_are_ambiguous_and_both_are_listed(found_of):
    def two(octaves):
        return hill(0.3, 0.25)(octaves) + hill(2.5, 0.25, 0.15)(octaves)

    answer = estimate(found_of(two), options=PICKY)
    assert answer.verdict == "ambiguous"
    scales = [scale for scale, _ in answer.candidates]
    assert np.log2(scales) == pytest.approx([0.3, 2.5], abs=0.1)


def test_nothing_found_at_all_is_flat(found_of):
    answer = estimate(found_of(lambda octaves: 0 * octaves), options=PICKY)
    assert (answer.verdict, answer.scale) == ("flat", None)


def test_only_segmenters_that_were_trained_so_are_asked(found_of, responses_of):
    with pytest.raises(Unavailable, match="not trained"):
        prepare(found_of(hill(1.0)), Options())
    with pytest.raises(Unavailable, match="does not segment"):
        prepare(responses_of(), PICKY)


@given(st.floats(0.0, 1.0))
def test_a_second_hill_is_a_rival_however_low_and_a_slope_is_none(height):
    octaves = np.linspace(-1, 4, 201)
    curve = hill(0.5, 0.3)(octaves) + hill(2.9, 0.3, 0.2 * height)(octaves)
    band = band_of(octaves, curve)
    if height > 1.1 * RIVAL:
        assert sorted([band.middle, band.rival]) == pytest.approx([0.5, 2.9], abs=0.1)
    elif height < 0.9 * RIVAL:
        assert band.rival is None
    slope = np.maximum(hill(0.5, 0.3)(octaves), np.where(octaves > 0.5, 0.09, 0))
    assert band_of(octaves, slope).rival is None


def test_every_doubt_is_named_not_only_the_first(found_of):
    """Two bands, and the better one on the end of the window."""

    def two(octaves):
        return hill(-0.2, 0.2, 0.1)(octaves) + hill(4.1, 0.4)(octaves)

    answer = estimate(found_of(two), options=PICKY)
    assert answer.verdict == "edge"
    assert "end of the window" in answer.reason
    assert "at two scales" in answer.reason
