"""Arithmetic on curves, compared with results calculated by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsi_scale.estimators.curves import Pool, local_peaks, peak, refine, weighted_median


def test_the_parabola_is_exact_for_scores_quadratic_in_log_scale_on_any_grid():
    scales = np.array([1.0, 1.3, 2.0, 2.9, 4.1, 7.7])
    score = -((np.log(scales) - np.log(2.4)) ** 2)
    assert peak(scales, score) == pytest.approx(2.4)


def test_at_an_end_of_the_curve_the_grid_scale_is_the_answer():
    assert peak(np.array([1.0, 2.0, 4.0]), np.array([3.0, 2.0, 0.0])) == 1.0


def test_a_gap_beside_the_best_scale_leaves_it_unrefined():
    assert peak(np.array([1.0, 2.0, 4.0]), np.array([1.0, 3.0, np.nan])) == 2.0


@pytest.mark.parametrize("score", [[2.0, 2.0, 2.0], [np.nan] * 3])
def test_a_constant_or_unmeasured_curve_has_no_best_scale(score):
    assert peak(np.array([1.0, 2.0, 4.0]), np.array(score)) is None


@given(st.floats(0.1, 10), st.lists(st.floats(-5, 5), min_size=5, max_size=9, unique=True))
def test_stretching_the_grid_stretches_the_answer(k, values):
    scales = np.geomspace(1, 16, len(values))
    score = np.array(values)
    assert peak(scales * k, score) == pytest.approx(k * peak(scales, score), rel=1e-6)


def test_local_peaks_come_highest_first_and_a_plateau_counts_once():
    assert local_peaks(np.array([0.0, 1, 0, 2, 2, 0, 3])) == [6, 3, 1]
    assert local_peaks(np.array([5.0, 1, np.nan, 2, 0])) == [0, 3]
    assert local_peaks(np.array([np.nan, np.nan])) == []


def test_refine_never_leaves_its_neighbours():
    assert 1 <= refine(np.array([1.0, 2, 4]), np.array([0.0, 1e-12, 0]), 1) <= 4


def test_a_pool_leaves_out_patches_that_were_not_cut():
    values = np.array([[[1.0, 10.0], [2.0, 20.0]], [[3.0, 30.0], [np.nan, np.nan]]])
    pool = Pool(values)
    assert pool.mean(np.array([1.0, 1.0])).tolist() == [[2, 20], [2, 20]]
    assert pool.mean(np.array([1.0, 3.0]))[0].tolist() == [2.5, 25]
    assert np.isnan(pool.mean(np.array([0.0, 1.0]))[1]).all()


def test_a_weighted_median_is_the_median_of_repeated_values():
    values = np.array([5.0, 1.0, 9.0, np.nan])
    assert weighted_median(values, np.array([1.0, 1.0, 1.0, 9.0])) == 5
    assert weighted_median(values, np.array([1.0, 1.0, 0.0, 0.0])) == 3
    assert weighted_median(values, np.array([1.0, 5.0, 1.0, 0.0])) == 1
    assert weighted_median(values, np.array([0.0, 0.0, 0.0, 1.0])) is None


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=12))
def test_with_equal_weights_it_is_the_ordinary_median(values):
    assert weighted_median(np.array(values), np.ones(len(values))) == pytest.approx(
        np.median(values)
    )
