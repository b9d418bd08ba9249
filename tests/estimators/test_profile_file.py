"""The profile: numbers by hand, one safe file, and refusal of everything else."""

import pickle
from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import save_file

from wsi_scale.errors import OutputError, SettingsError
from wsi_scale.estimators.profile_file import (
    MAX_CHANNELS,
    LayerKey,
    features_of,
    floor_of,
    keys_of,
    load_profile,
    standardise,
)
from wsi_scale.responses.layer import LayerResponses


@pytest.fixture
def profile(profile_of, samples_of):
    return profile_of(samples_of(images=3))


def test_features_are_the_mean_and_half_the_log_variance(responses_of):
    layer = LayerResponses("a", "middle", np.float32([[3, 5]]), np.float32([[4, 0]]))
    responses = replace(responses_of(), layers=(layer,))
    made = features_of(responses, keys_of(responses), np.array([0.0, 1.0]))
    assert made.tolist() == [[3, 5, np.log(4) / 2, 0]]


def test_the_floor_is_a_ten_thousandth_of_the_usual_variance_or_one_without_pixels():
    assert floor_of(np.array([[2.0, 0], [4.0, 0]])).tolist() == pytest.approx([3e-4, 1])


def test_a_constant_feature_counts_nothing():
    assert standardise(np.array([[5.0, 7]]), np.array([3.0, 3]), np.array([2.0, 0])).tolist() == [
        [1, 0]
    ]


def test_wide_layers_are_thinned_evenly_from_the_first_to_the_last_channel(responses_of):
    wide = np.arange(300, dtype=np.float32)[None]
    responses = replace(responses_of(), layers=(LayerResponses("a", "middle", wide, wide * 0),))
    made = features_of(responses, keys_of(responses), np.ones(MAX_CHANNELS))
    assert made.shape == (1, 2 * MAX_CHANNELS)
    assert made[0, [0, MAX_CHANNELS - 1]].tolist() == [0, 299]


def test_the_output_is_listened_to_only_where_there_is_nothing_else(responses_of):
    responses = responses_of()
    output = LayerResponses("output", "output", responses.outputs, responses.outputs * 0)
    both = replace(responses, layers=(*responses.layers, output))
    assert [key.name for key in keys_of(both)] == ["bn1"]
    assert [key.name for key in keys_of(replace(responses, layers=(output,)))] == ["output"]
    with pytest.raises(SettingsError, match="no layer of the network was measured"):
        keys_of(replace(responses, layers=()))


def test_noise_is_infinite_where_the_reference_had_no_patches(profile):
    lo, hi = profile.reach
    at = profile.noise_at(np.array([lo - 0.01, lo, hi, hi + 0.01]))
    assert np.isfinite(at).tolist() == [False, True, True, False]


def test_what_is_saved_is_loaded_to_the_last_digit(profile, tmp_path):
    profile.save(tmp_path / "p.safetensors")
    again = load_profile(tmp_path / "p.safetensors")
    assert again.about == profile.about
    for name, value in vars(profile).items():
        assert name == "about" or np.array_equal(getattr(again, name), value)


def test_the_same_profile_is_the_same_file(profile, tmp_path):
    for name in "ab":
        profile.save(tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_place_that_cannot_be_written_is_refused(profile, tmp_path):
    with pytest.raises(OutputError):
        profile.save(tmp_path / "no" / "p.safetensors")


def test_responses_of_other_layers_are_refused(profile, responses_of):
    responses = responses_of()
    renamed = replace(responses, layers=(replace(responses.layers[0], name="other"),))
    with pytest.raises(SettingsError, match=r"layer bn1 .* was not measured"):
        profile.features(renamed)
    key = LayerKey(name="bn1", kind="batchnorm", channels=5)
    with pytest.raises(SettingsError, match="bn1"):
        features_of(responses, (key,), profile.floor[:5])


@pytest.mark.parametrize("what", ["nothing", "folder", "text", "pickle", "tensors", "half"])
def test_what_is_no_profile_is_refused_in_one_sentence(profile, tmp_path, what):
    path = tmp_path / "p.safetensors"
    if what == "folder":
        path.mkdir()
    elif what == "text":
        path.write_text("scale = 5")
    elif what == "pickle":
        path.write_bytes(pickle.dumps({"weights": 1}))
    elif what == "tensors":
        save_file({"weights": np.zeros(3)}, path)
    elif what == "half":
        profile.save(path)
        path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(SettingsError, match="wsi-scale calibrate makes one"):
        load_profile(path)


@pytest.mark.parametrize(
    "part", ["floor", "mean", "weights", "components", "places", "noise", "intercept", "errors"]
)
def test_parts_that_do_not_fit_are_refused(profile, tmp_path, part):
    path = tmp_path / "p.safetensors"
    value = getattr(profile, part)
    wrong = np.full(value.shape, np.nan) if part == "errors" else np.concatenate([value, value])
    if part == "components":
        wrong = value[:, :-1]
    replace(profile, **{part: wrong}).save(path)
    with pytest.raises(SettingsError, match="is damaged"):
        load_profile(path)


@pytest.mark.parametrize(
    ("scale", "window", "whole"),
    [
        (2.0, (1.0, 16.0), True),  # the reference itself has no more than an octave below
        (4.0, (2.0, 8.0), True),
        (4.0, (2.1, 8.0), False),
        (4.0, (1.0, 6.0), False),
    ],
)
def test_errors_are_of_images_that_were_looked_at_alike(profile, scale, window, whole):
    known = replace(
        profile,
        places=np.linspace(-1, 3, 5),
        errors=np.array([0.1]),
        cut_errors=np.array([0.2, 0.3]),
    )
    about = known.about.model_copy(update={"error_folders": (7,), "cut_folders": (7, 8)})
    errors, folders = replace(known, about=about).errors_in(scale, window)
    assert errors is (known.errors if whole else known.cut_errors)
    assert folders.tolist() == ([7] if whole else [7, 8])


def test_a_reference_too_small_for_cut_windows_has_only_whole_ones(profile):
    known = replace(profile, errors=np.array([0.1]), cut_errors=np.zeros(0))
    assert known.errors_in(4.0, (3.9, 4.1))[0] is known.errors
