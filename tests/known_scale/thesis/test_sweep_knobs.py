"""Tables 2–5: the same numbers as the estimator itself, counted by hand."""

import math
from dataclasses import replace

import numpy as np
import pytest

from wsi_scale.estimators import Options, find_estimator
from wsi_scale.geometry import ScaleGrid
from wsi_scale.known_scale.thesis.sweep_knobs import PERCENTS, SIGMAS, Sweep, sweep
from wsi_scale.known_scale.thesis.tally import Tally, tally
from wsi_scale.known_scale.thesis.thesis_windows import WHOLE
from wsi_scale.responses.layer import LayerResponses

NETWORK = "figures-5-constant"


@pytest.fixture
def classes(responses_of):
    """Three classes of four pyramids with wavy responses and uneven gradients."""
    grid = ScaleGrid.linear(0.5, 9.9, 0.1)
    out = []
    for kind in range(3):
        one = responses_of(sites=4, grid=grid)
        rng = np.random.default_rng(kind)
        rows = len(one.entropy)
        waves = rng.normal(size=(rows, 8)).astype(np.float32)
        slopes = rng.normal(size=(rows, 8)).astype(np.float32)
        layer = LayerResponses("gap", "pooled", waves, waves**2, slopes, slopes[:, ::-1].copy())
        out.append(replace(one, layers=(layer,)))
    return out


def test_every_setting_is_the_estimator_asked_class_by_class(classes):
    for one in sweep(NETWORK, WHOLE, "measured", classes):
        options = Options(
            sigma=one.sigma,
            keep_percent=one.keep_percent,
            gradient=one.gradient,
            statistic=one.statistic,
        )
        alone = [find_estimator("extrema").prepare(x, options)(np.ones(4)).scale for x in classes]
        assert one.answers == pytest.approx(alone)


def test_all_settings_of_the_thesis_and_both_conventions_are_there(classes):
    settings = {
        (x.sigma, x.keep_percent, x.gradient, x.statistic)
        for x in sweep(NETWORK, WHOLE, "measured", classes)
    }
    assert len(settings) == len(SIGMAS) * len(PERCENTS) * 2 * 2
    assert (8, 50, "before", "median") in settings


def test_deviations_are_counted_from_the_right_scale():
    one = Sweep(
        NETWORK, WHOLE, "measured", "before", "median", 8, 50, (5.0, 5.5, 4.0, 6.5, math.nan)
    )
    assert one.tally == Tally(5.25, 0.25 + 1 + 2.25, within_half=2, within_one=3, missing=1)
    assert one.as_written
    assert not replace(one, window=(0.5, 5.9)).as_written


def test_no_answer_at_all_is_no_number_and_within_nothing():
    nothing = tally([None, math.nan], 5.0)
    assert math.isnan(nothing.median)
    assert math.isnan(nothing.squared_deviation)
    assert (nothing.within_half, nothing.within_one, nothing.missing) == (0, 0, 2)


def test_an_answer_exactly_on_the_limit_is_within_it_whatever_its_last_digit():
    above = math.nextafter(5.5, 6)
    assert above - 5 > 0.5
    assert tally([above], 5.0).within_half == 1
    assert tally([5.51], 5.0).within_half == 0
