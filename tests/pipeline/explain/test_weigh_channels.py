"""Which channels tell scales apart: planted ones are found, and shares add up to the score."""

from dataclasses import replace

import numpy as np
import pytest

from wsi_scale.estimators import fingerprint
from wsi_scale.estimators.contract import Options
from wsi_scale.geometry import ScaleGrid
from wsi_scale.pipeline.explain.weigh_channels import (
    channel_gains,
    curve_of,
    weigh_by_response,
    weigh_by_score,
)
from wsi_scale.responses.record import COLOUR_FREED

GRID = ScaleGrid((0.5, 1.0, 2.0, 4.0, 8.0))
RIGHT, WRONG = 2, (1, 3)


def planted(responses, channel, what):
    """The responses, with one channel alone that depends on scale."""
    (layer,) = responses.layers
    rng = np.random.default_rng(1)
    mean = rng.normal(7, 0.3, layer.mean.shape).astype(np.float32)
    var = rng.uniform(8, 9, layer.var.shape).astype(np.float32)
    away = np.abs(np.log2(np.array(GRID.scales) / 2))[responses.scale_index]
    if what == "mean":
        mean[:, channel] += 6 * away
    else:
        var[:, channel] *= 4**away
    return replace(responses, layers=(replace(layer, mean=mean, var=var),))


@pytest.mark.parametrize("what", ["mean", "spread"])
@pytest.mark.parametrize("way", ["score", "response"])
def test_the_channel_that_was_planted_comes_first(responses_of, way, what):
    responses = planted(responses_of(grid=GRID), 4, what)
    if way == "score":
        found = weigh_by_score(responses, Options(), RIGHT, WRONG)
    else:
        found = weigh_by_response(responses, RIGHT, WRONG)
    assert found[0].weight > 2 * found[1].weight
    assert (found[0].layer, found[0].channel, found[0].statistic) == ("bn1", 4, what)


@pytest.mark.parametrize("freed", [False, True])
def test_what_all_channels_gain_is_the_difference_of_the_score(responses_of, freed):
    responses = responses_of(grid=GRID, content=0.3)
    if freed:
        also = replace(responses, variant=np.full_like(responses.variant, COLOUR_FREED))
        responses = responses.beside(also)
    match = fingerprint.prepare(responses, Options(match_mixture=False))
    score = match(np.ones(len(responses.sites))).score
    assert match.freed == freed
    gain = channel_gains(match, RIGHT, WRONG).sum()
    assert gain == pytest.approx(score[RIGHT] - score[list(WRONG)].mean(), rel=1e-9)


def test_the_order_of_channels_is_irrelevant(responses_of):
    responses = responses_of(grid=GRID, content=0.3)
    (layer,) = responses.layers
    turned = replace(layer, mean=layer.mean[:, ::-1], var=layer.var[:, ::-1])
    here = weigh_by_response(responses, RIGHT, WRONG)
    there = weigh_by_response(replace(responses, layers=(turned,)), RIGHT, WRONG)
    assert [5 - one.channel for one in there] == [one.channel for one in here]


def test_a_constant_response_weighs_nothing(responses_of):
    responses = responses_of(grid=GRID, slope=0.0)
    assert weigh_by_response(responses, RIGHT, WRONG) == []
    assert weigh_by_score(responses, Options(), RIGHT, WRONG) == []


def test_channels_that_the_fingerprint_skips_keep_their_numbers(responses_of):
    """Channel 1 never fired in training; the next ones are still called 2, 3, …"""
    responses = responses_of(grid=GRID)
    (layer,) = responses.layers
    stored = layer.running_var.copy()
    stored[1] = 0
    responses = planted(replace(responses, layers=(replace(layer, running_var=stored),)), 4, "mean")
    assert weigh_by_score(responses, Options(), RIGHT, WRONG)[0].channel == 4


def test_curves_are_the_responses_that_were_measured(responses_of):
    responses = responses_of(grid=GRID, content=0.5)
    (layer,) = responses.layers
    mean = responses.on_grid(layer.mean[:, 3])
    curve = curve_of(responses, layer, 3, "mean")
    assert curve.middle == pytest.approx((mean.mean(axis=0) - 7) / 3)  # stored: mean 7, variance 9
    assert curve.low == pytest.approx((np.quantile(mean, 0.25, axis=0) - 7) / 3)
    assert curve.trained == 0
    spread = curve_of(responses, layer, 3, "spread")
    whole = responses.on_grid(layer.var[:, 3]).mean(axis=0) + mean.var(axis=0)
    assert spread.middle == pytest.approx(np.sqrt(whole / 9), rel=1e-4)
    assert spread.trained == 1


def test_without_batchnorm_a_curve_is_in_units_of_the_network(responses_of):
    responses = responses_of(grid=GRID, content=0.5)
    (layer,) = responses.layers
    layer = replace(layer, kind="middle", running_mean=None, running_var=None)
    curve = curve_of(responses, layer, 3, "mean")
    assert curve.middle == pytest.approx(responses.on_grid(layer.mean[:, 3]).mean(axis=0))
    assert curve.trained is None


def test_statistics_with_which_every_batchnorm_begins_are_not_called_training(responses_of):
    (layer,) = responses_of(grid=GRID).layers
    fresh = {"running_mean": np.zeros(6, np.float32), "running_var": np.ones(6, np.float32)}
    curve = curve_of(responses_of(grid=GRID), replace(layer, **fresh), 3, "mean")
    assert curve.trained is None


def test_where_nothing_was_measured_a_curve_is_nan(responses_of):
    responses = responses_of(grid=ScaleGrid((1.0, 2.0))).on_larger_grid(ScaleGrid((1.0, 2.0, 4.0)))
    curve = curve_of(responses, responses.layers[0], 0, "mean")
    assert np.isfinite(curve.middle).tolist() == [True, True, False]
