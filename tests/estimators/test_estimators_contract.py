"""What every estimator promises; a new file is tested automatically."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from wsi_scale.errors import SettingsError
from wsi_scale.estimators import Options, Reference, Unavailable, all_estimators, find_estimator
from wsi_scale.known_scale.calibrate import Sample


@pytest.fixture(params=all_estimators(), ids=str)
def estimator(request):
    return all_estimators()[request.param]


@pytest.fixture
def options(profile_of, responses_of):
    """Other images of the same network, whose right scale is 3, for those that learn from them."""
    images = [responses_of(3.0, sites=3, content=0.3, seed=seed) for seed in range(1, 5)]
    profile = profile_of([Sample(f"image {i}", 3.0, one) for i, one in enumerate(images)])
    return Options(reference=Reference(images[0], 3.0), profile=profile, selective=0.3)


@pytest.fixture
def scorer(estimator, responses_of, options):
    responses = responses_of(2.0, sites=5, content=0.3)
    layer = responses.layers[0]
    waves = np.sin(np.arange(layer.mean.size).reshape(layer.mean.shape) * 0.37)
    entropy = np.abs(np.log2(np.array(responses.grid.scales)[responses.scale_index] / 3))
    responses = replace(
        responses,
        layers=(replace(layer, gradient=waves.astype(np.float32)),),
        entropy=entropy.astype(np.float32),
        task="segment",
        share=np.maximum(0.3 - 0.2 * entropy, 0).astype(np.float32)[:, None],
    )
    return responses, estimator.prepare(responses, options)


def test_declares_what_people_need_to_know(estimator):
    assert estimator.NEEDS
    assert isinstance(estimator.EVIDENCE, bool)


def test_answers_with_a_scale_inside_the_window(scorer):
    responses, score = scorer
    answer = score(np.ones(5))
    assert answer.score.shape == (len(responses.grid),)
    assert answer.scale is not None
    assert responses.grid.scales[0] <= answer.scale <= responses.grid.scales[-1]


def test_weighting_a_site_twice_is_having_it_twice(scorer):
    _, score = scorer
    assert score(np.full(5, 2.0)).scale == pytest.approx(score(np.ones(5)).scale)


def test_the_same_responses_give_the_same_answer(scorer):
    _, score = scorer
    assert score(np.ones(5)).scale == score(np.ones(5)).scale


def test_a_single_site_can_answer_alone(scorer):
    _, score = scorer
    assert score(np.array([0.0, 0, 1, 0, 0])).scale is not None


def test_lacking_everything_it_says_so_instead_of_guessing(estimator, responses_of, options):
    bare = responses_of(layers=(), entropy=np.full(16 * 41, np.nan, np.float32))
    bare = replace(bare, share=np.full((16 * 41, 3), np.nan, np.float32))
    with pytest.raises(Unavailable):
        estimator.prepare(bare, Options())
    with pytest.raises(Unavailable):
        estimator.prepare(bare, options)


def test_an_unknown_name_is_refused_with_the_names_there_are():
    with pytest.raises(
        SettingsError, match=r"'divining'; choose from auto, recognition, profile, fingerprint"
    ):
        find_estimator("divining")


def test_runs_without_torch(estimator):
    code = (
        "import sys; sys.modules['torch'] = None\n"
        f"from wsi_scale.estimators import find_estimator; find_estimator({estimator.NAME!r})"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
