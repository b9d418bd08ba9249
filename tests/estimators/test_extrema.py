"""The thesis's steps, one by one, by hand (sections 5.3–5.7)."""

import numpy as np
import pytest

from wsi_scale.estimators import Options, Unavailable
from wsi_scale.estimators.extrema import (
    channel_extrema,
    channel_weights,
    derivative,
    extrema,
    kept_channels,
    pool,
    prepare,
    smooth,
)
from wsi_scale.geometry import ScaleGrid
from wsi_scale.responses.layer import LayerResponses


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


def places(x, y):
    """The extrema of one response, without the gaps that stand for none."""
    found = extrema(np.array(x, float), np.array(y, float))
    return found[np.isfinite(found)].tolist()


def test_derivatives_of_several_channels_are_taken_one_by_one():
    y = np.array([[0.0, 5], [1, 5], [4, 5], [9, 6]])
    assert derivative(np.arange(4.0), y).T.tolist() == [[1, 2, 4, 5], [0, 0, 0.5, 1]]


def test_extrema_are_inner_minima_and_maxima():
    assert places(range(6), [0, 2, 1, 3, 0, 5]) == [1, 2, 3, 4]


def test_a_plateau_counts_once_at_its_middle_and_a_step_not_at_all():
    assert places(range(5), [0, 1, 1, 0, 2]) == [1.5, 3]
    assert places(range(6), [3, 1, 1, 1, 2, 2]) == [2]
    assert places(range(5), [0, 1, 1, 2, 3]) == []


def test_a_plateau_at_an_end_is_no_extremum_because_one_side_is_unknown():
    assert places(range(5), [1, 1, 0, 2, 2]) == [2]


@pytest.mark.parametrize("y", [[1, 1, 1, 1], [0, 1, 2, 3]])
def test_a_constant_or_monotone_response_has_no_extrema(y):
    assert places(range(4), y) == []


def test_channels_do_not_disturb_each_other():
    y = np.array([[0.0, 3], [1, 2], [1, 1], [0, 2], [2, 3]])
    found = extrema(np.arange(5.0), y)
    assert found[:, 0][np.isfinite(found[:, 0])].tolist() == [1.5, 3]
    assert found[:, 1][np.isfinite(found[:, 1])].tolist() == [2]


def found_in(x, values, sigma=0):
    """All extrema of one pyramid's only channel."""
    found = channel_extrema(np.array(x, float), np.array(values, float)[None, :, None], sigma)
    return found[np.isfinite(found)].tolist()


def test_a_channel_gives_extrema_of_its_response_and_of_its_derivative():
    """Unsmoothed, y = (0, 1, 4, 1, 0): a maximum at x = 3; y' = (1, 2, 0, −2, −1): 2 and 4."""
    assert found_in(range(1, 6), [0, 1, 4, 1, 0]) == [2, 3, 4]


def test_smoothing_comes_before_the_extrema_are_sought():
    """One step of smoothing levels the small bump at 7 and leaves the large one at 3."""
    y = [0, 2, 9, 2, 0, 0.0, 0.1, 0, 0]
    assert 7 in found_in(range(1, 10), y)
    assert places(range(1, 10), smooth(np.array(y)[:, None], 1.5)[:, 0]) == [3]


def test_channel_extrema_smooth_by_the_sigma_asked_for():
    """The bump at 7 is there unsmoothed, and gone after a smoothing wider than itself."""
    y = [0, 2, 9, 2, 0, 0.0, 0.1, 0, 0]
    smoothed = smooth(np.array(y)[:, None], 1.5)[:, 0]
    x = range(1, 10)
    expected = places(x, smoothed) + places(x, derivative(np.arange(1.0, 10), smoothed))
    assert sorted(found_in(x, y, sigma=1.5)) == sorted(expected)
    assert sorted(found_in(x, y, sigma=1.5)) != sorted(found_in(x, y, sigma=0))


def test_smoothing_mirrors_the_ends():
    """Beyond its end (1, 0, 0, …) goes on as (…, 0, 1): the first value counts once more, by the
    kernel's weight one step away."""
    kernel = np.exp(-(np.arange(-8, 9) ** 2) / 8.0)
    kernel /= kernel.sum()
    line = np.zeros((20, 1))
    line[0] = 1
    assert smooth(line, 2.0)[0, 0] == pytest.approx(kernel[8] + kernel[7])


def test_the_share_of_channels_asked_for_is_heard(responses_of):
    """Channel 0 has extrema at 2, 3 and 4, median 3; with those of channel 1, 2 and 3, it is 3
    of (2, 2, 3, 3, 4): told apart by the mean, 3 and 2.8."""
    responses = two_channels(responses_of, before=(5, 0.1))
    options = Options(sigma=0, statistic="mean")
    for percent, expected in ((50, 3.0), (100, 2.8)):
        one = options.model_copy(update={"keep_percent": percent})
        assert prepare(responses, one)(np.ones(2)).scale == pytest.approx(expected)


def test_scales_that_were_not_cut_are_left_off_the_end():
    assert found_in(range(1, 7), [0, 1, 4, 1, 0, np.nan]) == [2, 3, 4]


def test_a_pyramid_of_two_patches_has_no_extrema():
    assert found_in(range(1, 5), [1, 4, np.nan, np.nan]) == []


def test_the_median_of_a_pyramid_is_taken_over_what_was_found():
    found = np.array([[1.0, 2, 9, np.nan], [np.nan] * 4])
    assert pool(found, "median")[0] == 2
    assert pool(found, "mean")[0] == 4
    assert np.isnan(pool(found, "median")[1])


def two_channels(responses_of, before, after=None):
    """Two pyramids on scales 1–5: channel 0 peaks at 3, channel 1 at 2."""
    rows = np.tile(np.array([[0.0, 1, 4, 1, 0], [0, 4, 1, 0.5, 0]]).T, (2, 1)).astype(np.float32)
    slopes = {
        name: None if value is None else np.tile(np.float32(value), (10, 1))
        for name, value in (("gradient", before), ("probability_gradient", after))
    }
    layer = LayerResponses("gap", "pooled", rows, np.zeros_like(rows), **slopes)
    return responses_of(sites=2, grid=ScaleGrid((1.0, 2, 3, 4, 5)), layers=(layer,))


def test_channels_of_small_weight_are_not_heard(responses_of):
    responses = two_channels(responses_of, before=(5, 0.1))
    answer = prepare(responses, Options(sigma=0, keep_percent=50))(np.ones(2))
    assert answer.scale == 3  # of 2, 3 and 4; channel 1 would add 2 and 3


def test_weights_come_from_before_or_after_softmax_as_asked(responses_of):
    responses = two_channels(responses_of, before=(5, 0.1), after=(0.1, 5))
    options = Options(sigma=0, keep_percent=50)
    after = options.model_copy(update={"gradient": "after"})
    assert prepare(responses, options)(np.ones(2)).scale == 3
    assert prepare(responses, after)(np.ones(2)).scale == 2.5  # a peak at 2, a turn of slope at 3


def test_gradients_after_softmax_are_missed_when_not_measured(responses_of):
    with pytest.raises(Unavailable, match="after softmax"):
        prepare(two_channels(responses_of, before=(5, 0.1)), Options(gradient="after"))


def test_the_class_answer_is_the_median_of_its_pyramids(responses_of):
    grid = ScaleGrid(tuple(float(x) for x in range(1, 8)))
    peaks = np.zeros((3, 7, 1), np.float32)
    for pyramid, place in enumerate((2, 3, 5)):
        peaks[pyramid, :, 0] = -np.abs(np.arange(7) - place)
    rows = peaks.reshape(21, 1)
    layer = LayerResponses("gap", "pooled", rows, np.zeros_like(rows), np.ones_like(rows))
    responses = responses_of(sites=3, grid=grid, layers=(layer,))
    assert prepare(responses, Options(sigma=0))(np.ones(3)).scale == 4  # of 3, 4 and 6
    mean = prepare(responses, Options(sigma=0, statistic="mean"))(np.ones(3)).scale
    assert mean == pytest.approx(13 / 3)
