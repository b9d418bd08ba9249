"""The thesis's steps, one by one, by hand (sections 5.3–5.7)."""

import numpy as np
import pytest

from wsi_scale.estimators import Options
from wsi_scale.estimators.extrema import (
    channel_weights,
    derivative,
    extrema,
    kept_channels,
    pyramid_extrema,
    smooth,
)


def test_no_smoothing_leaves_the_responses_as_they_are():
    values = np.array([[1.0], [5.0], [2.0]])
    assert (smooth(values, 0) == values).all()


def test_smoothing_spreads_an_impulse_as_a_gaussian_in_grid_steps():
    impulse = np.zeros((41, 1))
    impulse[20] = 1
    out = smooth(impulse, 2.0)[:, 0]
    steps = np.arange(41) - 20
    expected = np.exp(-(steps**2) / 8)
    assert out == pytest.approx(expected / expected.sum(), abs=1e-4)


def test_smoothing_keeps_a_constant_up_to_its_ends():
    assert smooth(np.full((9, 2), 3.0), 4.0) == pytest.approx(np.full((9, 2), 3.0))


def test_weights_are_the_mean_gradient_over_scales_with_its_sign():
    assert channel_weights(np.array([[1.0, -4.0], [3.0, 0.0]])).tolist() == [2, -2]


def test_the_largest_absolute_weights_are_kept():
    assert kept_channels(np.array([0.1, -0.9, 0.5, -0.2]), 50) == [1, 2]
    assert kept_channels(np.array([0.1, -0.9, 0.5, -0.2]), 100) == [0, 1, 2, 3]
    assert kept_channels(np.array([0.1, -0.9, 0.5, -0.2]), 1) == [1]
    assert len(kept_channels(np.arange(16.0), 40)) == 6


def test_derivatives_are_central_inside_and_one_sided_at_the_ends():
    y = np.array([0.0, 1.0, 4.0, 9.0])
    assert derivative(np.arange(4.0), y).tolist() == [1, 2, 4, 5]
    assert derivative(np.arange(4.0) / 10, y) == pytest.approx([10, 20, 40, 50])


def test_extrema_are_inner_minima_and_maxima():
    x = np.arange(6.0)
    assert extrema(x, np.array([0.0, 2, 1, 3, 0, 5])).tolist() == [1, 2, 3, 4]


def test_a_plateau_counts_once_at_its_middle_and_a_step_not_at_all():
    assert extrema(np.arange(5.0), np.array([0.0, 1, 1, 0, 2])).tolist() == [1.5, 3]
    assert extrema(np.arange(5.0), np.array([0.0, 1, 1, 2, 3])).tolist() == []


@pytest.mark.parametrize("y", [[1.0, 1, 1, 1], [0.0, 1, 2, 3]])
def test_a_constant_or_monotone_response_has_no_extrema(y):
    assert len(extrema(np.arange(4.0), np.array(y))) == 0


def test_one_pyramid_pools_extrema_of_responses_and_of_their_derivatives():
    """Unsmoothed, y = (0, 1, 4, 1, 0): a maximum at x = 2; y' = (1, 2, 0, −2, −1): 1 and 3."""
    x = np.arange(5.0) + 1
    values = np.array([[0.0], [1.0], [4.0], [1.0], [0.0]])
    found = pyramid_extrema(x, values, np.ones((5, 1)), Options(sigma=0))
    assert sorted(found) == [2, 3, 4]


def test_scales_that_were_not_cut_are_left_off_the_end():
    x = np.arange(6.0) + 1
    values = np.array([[0.0], [1.0], [4.0], [1.0], [0.0], [np.nan]])
    gradients = np.array([[1.0]] * 5 + [[np.nan]])
    assert sorted(pyramid_extrema(x, values, gradients, Options(sigma=0))) == [2, 3, 4]


def test_channels_of_small_weight_are_not_heard():
    x = np.arange(5.0) + 1
    peak_at_3, peak_at_2 = [0.0, 1, 4, 1, 0], [0.0, 4, 1, 0.5, 0]
    values = np.array([peak_at_3, peak_at_2]).T
    gradients = np.tile([5.0, 0.1], (5, 1))
    found = pyramid_extrema(x, values, gradients, Options(sigma=0, keep_percent=50))
    assert sorted(found) == [2, 3, 4]
