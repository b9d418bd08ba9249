"""Tables 2–5: the same numbers as the estimator itself, counted by hand."""

from dataclasses import replace

import numpy as np
import pytest

from wsi_scale.estimators import Options, find_estimator
from wsi_scale.geometry import ScaleGrid
from wsi_scale.responses import LayerResponses
from wsi_scale.thesis.sweep import PERCENTS, SIGMAS, Sweep, sweep

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
    for one in sweep(NETWORK, "measured", classes):
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
        for x in sweep(NETWORK, "measured", classes)
    }
    assert len(settings) == len(SIGMAS) * len(PERCENTS) * 2 * 2
    assert (8, 50, "before", "median") in settings


def test_deviations_are_counted_from_the_right_scale():
    one = Sweep(NETWORK, "measured", "before", "median", 8, 50, (5.0, 5.5, 4.0, 6.5))
    assert one.deviations.tolist() == [0, 0.5, -1, 1.5]
    assert one.squared_deviation == 0.25 + 1 + 2.25
    assert one.within(0.5) == 2
    assert one.within(1.0) == 3
    assert one.as_written
