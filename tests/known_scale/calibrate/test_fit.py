"""The map and its errors: general laws, and references from which nothing can be learnt."""

from dataclasses import replace

import numpy as np
import pytest

from wsi_scale.errors import SettingsError
from wsi_scale.estimators import profile as reader
from wsi_scale.geometry import ScaleGrid
from wsi_scale.known_scale.calibrate import Sample
from wsi_scale.known_scale.calibrate.fit import (
    LEAST_NOISE,
    FeatureTable,
    cut_windows,
    directions,
    leave_out,
    noise_of,
    places_of,
    ridge,
)


def answer(profile, responses):
    return reader.read(profile, responses).answer(np.ones(len(responses.sites)))


def test_ridge_without_penalty_is_least_squares():
    x = np.array([[0.0], [1], [2], [3]])
    assert ridge(x, 2 * x[:, 0] + 1, 0.0)(np.array([[10.0]])) == pytest.approx(21)


def test_a_penalty_of_the_variance_itself_halves_the_slope():
    x = np.array([[-1.0], [1]])
    assert ridge(x, x[:, 0], 1.0)(np.array([[1.0]])) == pytest.approx(0.5)


def test_an_image_left_out_cannot_speak_for_itself():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(40, 3)), rng.normal(size=40)
    fold = np.repeat(np.arange(4), 10)
    before = leave_out(FeatureTable(x, y, fold, fold), 1e-3)
    other = y.copy()
    other[fold == 2] += 100
    after = leave_out(FeatureTable(x, other, fold, fold), 1e-3)
    assert np.array_equal(before[fold == 2], after[fold == 2])
    assert not np.allclose(before[fold != 2], after[fold != 2])


def test_places_cover_what_the_reference_contains():
    assert places_of(np.array([-1.0, 0.3, 1.0])).tolist() == pytest.approx(np.arange(-1, 1.1, 0.25))


def test_noise_is_the_error_of_what_was_said_nearby():
    places = np.array([-2.0, 2.0])
    said = np.array([-2.0, -2.0, 2.0, 2.0])
    truth = said + np.array([0.3, -0.3, 0.0, 0.0])
    assert noise_of(places, truth, said) == pytest.approx([0.3, LEAST_NOISE], rel=1e-3)


def test_directions_are_those_in_which_rows_vary():
    rows = np.outer(np.linspace(-1, 1, 9), [0.6, 0.8, 0.0])
    (only,) = directions(rows)
    assert np.abs(only) == pytest.approx([0.6, 0.8, 0.0])


@pytest.mark.parametrize("truth", [1.2, 2.0, 5.0, 9.0])
@pytest.mark.parametrize("window", [(1.0, 16.0), (1.0, 8.0), (2.0, 16.0)])
def test_a_slide_of_another_right_scale_is_read_in_any_window(
    profile_of, samples_of, responses_of, truth, window
):
    profile = profile_of(samples_of(truth=4.0, content=0.02))
    grid = ScaleGrid.geometric(*window, 6)
    assert answer(profile, responses_of(truth, seed=99, content=0.02, grid=grid)) == pytest.approx(
        truth, rel=0.03
    )


def test_the_reference_may_have_a_right_scale_for_every_image(profile_of, responses_of):
    samples = [
        Sample(str(seed), truth, responses_of(truth, sites=4, content=0.02, seed=seed))
        for seed, truth in enumerate((1.0, 2.0, 3.0, 6.0))
    ]
    profile = profile_of(samples)
    assert answer(profile, responses_of(4.0, seed=9)) == pytest.approx(4.0, rel=0.03)


def test_errors_are_those_of_images_left_out_in_whole_and_in_cut_windows(profile_of, samples_of):
    profile = profile_of(samples_of(images=5, content=0.02))
    assert (len(profile.errors), len(profile.cut_errors)) == (5, 10)
    assert np.abs(profile.errors).max() < 0.1
    assert np.abs(profile.cut_errors).max() < 0.1


def test_a_wrong_image_among_right_ones_shows_in_the_errors(profile_of, samples_of):
    samples = samples_of(images=6, content=0.02)
    samples[2] = replace(samples[2], scale=8.0)  # it is 2, two octaves off
    profile = profile_of(samples)
    assert np.abs(profile.errors).max() == pytest.approx(2.0, abs=0.5)


def test_cut_windows_end_soon_beyond_the_right_scale(responses_of):
    sample = Sample("x", 2.0, responses_of(2.0, sites=1))
    ends = [end for w in cut_windows(sample) for end in (w.grid.scales[0], w.grid.scales[-1])]
    assert ends == pytest.approx([0.5, 2**1.5, 2**0.5, 16])


def test_patches_without_real_detail_teach_nothing(profile_of, samples_of):
    profile = profile_of(samples_of(truth=2.0))
    assert profile.reach == pytest.approx((-1.0, 3.0))  # 1 to 16, though 0.5 was measured


def test_jittered_copies_teach_too(profile_of, samples_of):
    samples = samples_of(content=0.02)
    bright = [
        replace(s.responses.layers[0], mean=s.responses.layers[0].mean + np.float32(1))
        for s in samples
    ]
    taught = [
        replace(s, jittered=(replace(s.responses, layers=(layer,)),))
        for s, layer in zip(samples, bright, strict=True)
    ]
    new = taught[0].jittered[0]
    off = [abs(np.log2(answer(profile_of(x), new) / 2.0)) for x in (samples, taught)]
    assert off[1] < 0.05
    assert off[1] < off[0]


def test_too_few_images_and_too_little_scale_are_refused(profile_of, samples_of):
    with pytest.raises(SettingsError, match=r"at least 3 images, .* got 2"):
        profile_of(samples_of(images=2))
    narrow = samples_of(grid=ScaleGrid.geometric(2.0, 3.0, 8))
    with pytest.raises(SettingsError, match=r"spans 0\.58 octaves"):
        profile_of(narrow)


def test_from_three_sources_on_a_source_is_left_out_whole(profile_of, samples_of):
    """Images of one source err alike, so errors with its others in the reference are too small.

    Here each source's channels are shifted alike, as another laboratory's stain would.
    """
    samples = []
    for number in range(15):
        one = samples_of(truth=2.0, content=0.02, images=1)[0]
        layer = one.responses.layers[0]
        shift = np.float32([3.0, 2, -1, 1, 2, -2]) * (number % 5 - 2)
        moved = replace(layer, mean=layer.mean + shift)
        responses = replace(one.responses, layers=(moved,))
        samples.append(replace(one, responses=responses, source=f"laboratory {number % 5}"))
    whole = profile_of(samples)
    alone = profile_of([replace(sample, source="") for sample in samples])
    assert len(whole.errors) == len(alone.errors) == 15
    assert np.abs(whole.errors).mean() > np.abs(alone.errors).mean()
