"""Noise depends on the place, not on the window that is read."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wsi_scale.errors import SlideError
from wsi_scale.slide.readers._noise import NoisyScene
from wsi_scale.slide.readers.synthetic import SyntheticSlide


@dataclass(frozen=True)
class Grey:
    """Plain grey, far from 0 and 255, so that no noise is clipped."""

    coarsest_pitch: float = 10.0
    most_subsamples: int = 4

    def render(self, grid):
        return np.full((grid.rows, grid.columns, 3), 128, np.uint8)


def noisy(sigma=20.0, grain=1, seed=0, **options):
    return SyntheticSlide(NoisyScene(Grey(), sigma, grain, seed), 800, 640, **options)


def test_noise_is_normal_with_the_standard_deviation_asked_for():
    pixels = noisy().read(0, 0, 0, 800, 640).astype(float) - 128
    assert pixels.std() == pytest.approx(20, rel=0.01)
    assert abs(pixels.mean()) < 0.1
    assert np.mean(np.abs(pixels) < 20.5) == pytest.approx(0.6946, abs=0.005)  # rounded to greys


def test_channels_and_neighbours_are_independent():
    pixels = noisy().read(0, 0, 0, 800, 640).astype(float) - 128
    channels = np.corrcoef(pixels.reshape(-1, 3).T)
    assert np.abs(channels - np.eye(3)).max() < 0.01
    for neighbour in (pixels[:, 1:] * pixels[:, :-1], pixels[1:] * pixels[:-1]):
        assert abs(neighbour.mean()) < 0.01 * 400


def test_another_seed_gives_other_noise():
    first, second = (noisy(seed=s).read(0, 0, 0, 300, 300).astype(float) - 128 for s in (1, 2))
    assert abs(np.mean(first * second)) < 0.02 * 400


def test_half_resolution_noise_covers_two_by_two_pixels():
    pixels = noisy(grain=2).read(0, 0, 0, 100, 80)
    blocks = pixels.reshape(40, 2, 50, 2, 3)
    assert (blocks == blocks[:, :1, :, :1]).all()
    assert (pixels[::2, :-2:2] != pixels[::2, 2::2]).any()


@pytest.mark.parametrize("level", [1, 2, 3])
def test_a_coarse_level_is_the_mean_of_the_noisy_pixels(level):
    slide = noisy(downsamples=(1.0, 2.0, 4.0, 8.0))
    step = 2**level
    fine = slide.read(0, 0, 0, 320, 320).astype(float)
    averaged = fine.reshape(320 // step, step, 320 // step, step, 3).mean(axis=(1, 3))
    coarse = slide.read(level, 0, 0, 320 // step, 320 // step)
    assert np.abs(averaged - coarse).max() <= 0.5


@settings(max_examples=25)
@given(level=st.integers(0, 2), x=st.integers(0, 90), y=st.integers(0, 90), w=st.integers(1, 60))
def test_a_noisy_pixel_is_the_same_through_whichever_window_it_is_read(level, x, y, w):
    slide = noisy(downsamples=(1.0, 2.0, 4.0))
    whole = slide.read(level, 0, 0, 150, 150)
    assert (slide.read(level, x, y, w, w) == whole[y : y + w, x : x + w]).all()


def test_no_noise_is_the_slide_as_it_was():
    quiet, plain = (
        SyntheticSlide.figures(seed=3, only=2, width=900, height=900, **options)
        for options in ({"noise": 0.0}, {})
    )
    assert (quiet.read(0, 0, 0, 900, 900) == plain.read(0, 0, 0, 900, 900)).all()


def test_figures_are_still_seen_through_the_noise():
    options = {"seed": 3, "only": 8, "width": 900, "height": 900}
    plain = SyntheticSlide.figures(**options).read(0, 0, 0, 900, 900)
    loud = SyntheticSlide.figures(noise=100, **options).read(0, 0, 0, 900, 900)
    red = plain[..., 0].astype(float)
    assert np.corrcoef(red.ravel(), loud[..., 0].ravel())[0, 1] > 0.5


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("noise=-1", "noise must be 0 to 1000 grey levels, got -1"),
        ("noise=nan", "got nan"),
        ("grain=3", "the grain of noise must be 1 or 2 px, got 3"),
        ("noise=much", "needs a number for noise, got 'much'"),
    ],
)
def test_noise_that_cannot_be_is_refused_in_one_sentence(query, says):
    from wsi_scale.slide.readers import open_slide

    with pytest.raises(SlideError, match=says):
        open_slide(f"synthetic:figures?{query}")


def test_a_path_asks_for_noise():
    from wsi_scale.slide.readers import open_slide

    slide = open_slide("synthetic:figures?noise=50&grain=2&width=300&height=300")
    assert slide.scene == NoisyScene(slide.scene.scene, 50, 2, 0)
