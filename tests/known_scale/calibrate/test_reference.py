"""Calibration on a reference: what is measured, what is refused, and how good the profile is."""

import shutil
from dataclasses import replace

import numpy as np
import pytest

from wsi_scale.errors import SettingsError, SlideError
from wsi_scale.estimators.profile import reads_tissue
from wsi_scale.known_scale.calibrate import ReferenceImages, calibrate
from wsi_scale.known_scale.calibrate.reference import look
from wsi_scale.networks import load_network
from wsi_scale.networks.sources.bundled import FOLDER
from wsi_scale.pipeline.iterate import estimate_slide
from wsi_scale.pipeline.settings import Settings
from wsi_scale.slide.readers import open_slide
from wsi_scale.slide.readers.synthetic import SyntheticSlide
from wsi_scale.testing import slide_in_memory

QUICK = {"sites": 2, "jitters": 1, "per_octave": 3}


@pytest.fixture(scope="module")
def network():
    """Trained at scale 5."""
    return load_network("figures", device="cpu")


def figures(seed, kind, stretch=1.0):
    side = round(4000 * stretch)
    what = f"seed={seed}&class={kind}&stretch={stretch}"
    return f"synthetic:figures?{what}&width={side}&height={side}"


@pytest.fixture(scope="module")
def profile(network):
    """Images stretched by 0.5: their right scale is 2.5."""
    images = [figures(seed, "red cross", 0.5) for seed in range(4)]
    return calibrate(network, images, ReferenceImages(scale=2.5, **QUICK))


def test_the_profile_says_what_it_was_made_from(profile, network):
    about = profile.about
    assert about.network == "figures"
    assert about.sha256 == network.sha256
    assert (about.input_size, about.sites, about.jitters) == (224, 2, 1)
    assert len(about.images) == len(profile.strangeness) == 4
    assert {key.kind for key in about.layers} == {"batchnorm", "middle", "pooled"}


def test_an_untrained_copy_is_asked_too(profile):
    """Four images of one class: any filters read them, and the profile says how well."""
    own = float(np.median(np.abs(profile.errors)))
    assert profile.about.control > 0
    assert profile.about.control != pytest.approx(own)
    assert reads_tissue(profile) == (profile.about.control <= 1.25 * own)


def test_images_of_unlike_room_are_refused_before_any_is_measured(network, monkeypatch):
    def never(*_, **__):
        raise AssertionError("measured")

    any_size = replace(network, input_size=None, card=network.card.model_copy(update={}))
    monkeypatch.setattr("wsi_scale.known_scale.calibrate.reference.measure_responses", never)
    small = "synthetic:figures?seed=9&class=red cross&width=1100&height=1100"
    images = [figures(seed, "red cross") for seed in range(3)]
    with pytest.raises(SettingsError, match=r"room for patches of \d+ to 224 px.*seed=9"):
        calibrate(any_size, [*images, small], ReferenceImages(scale=5.0, **QUICK))


def test_only_scales_that_the_reference_contains_are_learnt(profile):
    lo, hi = profile.reach
    assert lo == pytest.approx(np.log2(1 / 2.5))  # no invented pixels
    assert hi <= np.log2(2000 / 224 / 2.5)  # no patch beyond the image


def test_a_slide_of_another_scale_is_read(profile, network, tmp_path):
    """The same shapes and colours, other images, twice as large: right at 5."""
    path = tmp_path / "p.safetensors"
    profile.save(path)
    settings = Settings(sites=4, scales=(1.0, 8.0), per_octave=3, profile=str(path))
    report = estimate_slide(figures(50, "red cross"), network, settings)
    assert report.estimator == "profile"
    assert report.scale == pytest.approx(5, rel=0.15)
    assert report.provenance.settings["profile"] == str(path)


def test_a_profile_of_other_weights_is_refused(profile, network, tmp_path):
    path = tmp_path / "p.safetensors"
    profile.save(path)
    other = replace(network, sha256="0" * 64)
    settings = Settings(sites=2, scales=(1.0, 4.0), profile=str(path))
    with pytest.raises(SettingsError, match=r"was made for figures with other weights"):
        estimate_slide(figures(1, "red cross"), other, settings)


def test_mpp_is_turned_into_each_images_own_scale(network):
    reference = ReferenceImages(mpp=2.0)
    with slide_in_memory(mpp=0.5) as slide:
        assert reference.right_scale(slide) == 4
    with slide_in_memory(mpp=(0.4, 0.6)) as slide:
        assert reference.right_scale(slide) == 4
    with slide_in_memory() as slide, pytest.raises(SettingsError, match="does not state its µm/px"):
        reference.right_scale(slide)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({}, "either scale or mpp, and not both"),
        ({"scale": 1.0, "mpp": 0.5}, "either scale or mpp, and not both"),
        ({"scale": 0.0}, "scale must be above 0, got 0"),
        ({"mpp": float("nan")}, "mpp must be above 0"),
        ({"scale": 1.0, "sites": 0}, "sites must be at least 1, got 0"),
        ({"scale": 1.0, "jitters": -1}, "jitters must be at least 0"),
    ],
)
def test_what_cannot_be_is_refused(values, says):
    with pytest.raises(SettingsError, match=says):
        ReferenceImages(**values)


def test_too_few_images_are_refused_before_any_is_opened(network):
    with pytest.raises(SettingsError, match=r"at least 3 images, each of a different case.* got 2"):
        calibrate(network, ["nowhere.svs", "nothing.svs"], ReferenceImages(scale=1.0))


def test_an_image_without_room_is_named(network):
    slide = SyntheticSlide.figures(seed=1, only=2, width=240, height=200)
    with pytest.raises(SettingsError, match=r"shorter side is 200 px, but .* leave it out"):
        look(network, slide, ReferenceImages(scale=5.0), 0, network)


def test_an_image_with_nothing_on_it_is_named(network):
    white = np.full((1500, 1500, 3), 255, np.uint8)
    with open_slide(white) as slide, pytest.raises(SlideError, match=r"no tissue .* leave it out"):
        look(network, slide, ReferenceImages(scale=3.0), 0, network)


def test_jitter_follows_the_seed_and_the_image(network):
    slide = SyntheticSlide.figures(seed=3, only=2, width=1200, height=1200)
    reference = ReferenceImages(scale=3.0, sites=1, jitters=1, per_octave=1)
    first, again, other = (look(network, slide, reference, n, network)[0] for n in (0, 0, 1))
    means = [one.jittered[0].layers[0].mean for one in (first, again, other)]
    assert np.array_equal(means[0], means[1])
    assert not np.array_equal(means[0], means[2])
    assert not np.array_equal(means[0], first.responses.layers[0].mean)


def test_the_profile_that_a_card_names_is_used(profile, tmp_path):
    home = tmp_path / "net"
    shutil.copytree(FOLDER / "figures", home)
    with (home / "card.toml").open("r+", encoding="utf-8") as card:
        text = card.read()
        card.seek(0)
        card.write('profile = "mine.safetensors"\n' + text)
    settings = Settings(sites=2, scales=(1.0, 8.0), per_octave=2)
    with pytest.raises(SettingsError, match=r"mine\.safetensors: No such file"):
        estimate_slide(figures(50, "red cross"), str(home), settings)
    profile.save(home / "mine.safetensors")
    report = estimate_slide(figures(50, "red cross"), str(home), settings)
    assert report.estimator == "profile"
    assert report.voices["profile"] == pytest.approx(5, rel=0.15)
