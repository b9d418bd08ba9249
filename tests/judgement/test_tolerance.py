"""The band in which the output stays as it is at the answer."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wsi_scale.geometry import ScaleGrid
from wsi_scale.judgement.tolerance import steady_band


def changing(responses_of, grid, steep):
    """The share of the first class falls by ``steep`` for every octave away from 2."""
    responses = responses_of(2.0, sites=3, grid=grid)
    octaves = np.abs(np.log2(np.array(grid.scales)[responses.scale_index] / 2))
    first = np.clip(0.9 - steep * octaves, 0, 1)
    share = np.stack([first, 1 - first, 0 * first], axis=1).astype(np.float32)
    return replace(responses, share=share)


@pytest.mark.parametrize("per_octave", [1, 2, 8])
def test_the_band_does_not_hang_on_how_dense_the_scales_are(responses_of, per_octave):
    grid = ScaleGrid.geometric(0.5, 16, per_octave)
    low, high = steady_band(changing(responses_of, grid, 0.2), 2.0, 0.1)
    assert np.log2([low, high]) == pytest.approx([0.5, 1.5], abs=1e-5)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(share=st.floats(0.01, 0.4), more=st.floats(0.0, 0.4), scale=st.floats(0.5, 16))
def test_a_wider_tolerance_never_narrows_the_band_and_it_holds_the_scale(
    responses_of, share, more, scale
):
    """Predictions that change without rule, on a grid that is dense in one place only."""
    grid = ScaleGrid((0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 8.0, 16.0))
    responses = responses_of(2.0, sites=3, grid=grid)
    shares = np.random.default_rng(0).dirichlet([1, 1, 1], len(responses.entropy))
    bumpy = replace(responses, share=shares.astype(np.float32))
    low, high = steady_band(bumpy, scale, share)
    lower, higher = steady_band(bumpy, scale, share + more)
    assert 0.5 * (1 - 1e-12) <= lower <= low <= scale <= high <= higher <= 16 * (1 + 1e-12)


def test_without_any_change_the_band_is_the_window(responses_of):
    grid = ScaleGrid.geometric(0.5, 16, 2)
    assert steady_band(changing(responses_of, grid, 0.0), 3.0, 0.1) == pytest.approx((0.5, 16))


def test_a_segmenter_is_judged_by_what_it_finds_not_by_the_background(responses_of):
    """At scale 2 it gives 4 % of the pixels to its class, and a fifth of that less an octave on:
    a tenth less half an octave away, though 99.6 % of the pixels are labelled alike."""
    grid = ScaleGrid.geometric(0.5, 16, 8)
    responses = responses_of(2.0, sites=3, grid=grid)
    octaves = np.abs(np.log2(np.array(grid.scales)[responses.scale_index] / 2))
    found = 0.04 * np.clip(1 - 0.2 * octaves, 0, 1)
    share = np.stack([1 - found, found, 0 * found], axis=1).astype(np.float32)
    target = np.ones_like(responses.target)
    sparse = replace(responses, share=share, task="segment", target=target)
    assert np.log2(steady_band(sparse, 2.0, 0.1)) == pytest.approx([0.5, 1.5], abs=1e-4)
    nothing = replace(sparse, share=np.stack([1 + 0 * found, 0 * found, 0 * found], 1))
    assert steady_band(nothing, 2.0, 0.1) == pytest.approx((0.5, 16))
