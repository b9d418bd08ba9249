"""Which scale the metadata suggest, and how far it is trusted."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsi_scale.errors import SettingsError
from wsi_scale.networks import load_network
from wsi_scale.pipeline.iterate import estimate_slide
from wsi_scale.pipeline.settings import Settings
from wsi_scale.slide.readers.synthetic import SyntheticSlide
from wsi_scale.slide.resolution import TRUSTED, expected_scale, narrowed


def test_the_expected_scale_is_the_training_resolution_over_the_slides():
    assert expected_scale(0.5, (0.25, 0.25)) == 2.0
    assert expected_scale(0.5, (0.2, 0.3)) == 2.0
    assert expected_scale(None, (0.25, 0.25)) is None
    assert expected_scale(0.5, None) is None


@given(st.floats(0.1, 4), st.floats(3, 8), st.floats(0.05, 100))
def test_a_narrowed_window_lies_in_the_old_one_and_around_what_is_expected(lo, octaves, expected):
    hi = lo * 2**octaves
    try:
        low, high = narrowed((lo, hi), expected)
    except SettingsError:
        assert expected < TRUSTED * lo or expected > hi / TRUSTED
        return
    assert lo <= low < high <= hi
    assert high >= 2 * low
    assert expected / TRUSTED <= low <= high <= expected * TRUSTED * (1 + 1e-12)


def test_metadata_that_say_nothing_cannot_be_trusted():
    with pytest.raises(SettingsError, match="state too little to be trusted"):
        narrowed((0.5, 16), None)


@pytest.fixture
def slide():
    return SyntheticSlide.figures(seed=3, width=9000, height=9000, mpp=0.2)


def test_the_metadata_have_a_voice_and_narrow_the_window_when_allowed(slide):
    asked = Settings(sites=3, scales=(1.0, 12.0), per_octave=2)
    network = load_network("figures?mpp=1.0")
    free = estimate_slide(slide, network, asked)
    assert free.voices["metadata"] == pytest.approx(5.0)
    assert (free.curve.scales[0], free.curve.scales[-1]) == pytest.approx((1.0, 12.0))
    trusting = estimate_slide(slide, network, asked.model_copy(update={"trust_metadata": True}))
    assert (trusting.curve.scales[0], trusting.curve.scales[-1]) == pytest.approx((2.5, 10.0))
    far = estimate_slide(slide, load_network("figures?mpp=0.2"), asked)
    assert np.log2(far.scale) > 1
    assert far.voices["metadata"] == pytest.approx(1.0)
    assert far.pixels.octaves == pytest.approx(np.log2(0.2 / (0.2 / far.scale)))


def test_trusting_what_is_not_there_is_refused(slide):
    asked = Settings(sites=3, scales=(1.0, 12.0), per_octave=2, trust_metadata=True)
    with pytest.raises(SettingsError, match="or in its card"):
        estimate_slide(slide, "figures", asked)
