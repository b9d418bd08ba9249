"""Jitter: what stays the same, what changes, and by how much."""

from dataclasses import replace

import numpy as np
import pytest

from wsi_scale.geometry import ScaleGrid, Site
from wsi_scale.known_scale.calibrate.augment import (
    Change,
    Jitter,
    apply,
    change_stain,
    compress,
    draw,
    jitter_pyramid,
)
from wsi_scale.slide.pyramid import Pyramid

NOTHING = Change((1, 1, 1), (0, 0, 0), 1.0, 1.0, 0.0, 100)


@pytest.fixture
def patch():
    return np.random.default_rng(0).integers(40, 240, (32, 32, 3)).astype(np.uint8)


def test_no_change_of_stain_changes_nothing(patch):
    assert change_stain(patch, (1, 1, 1), (0, 0, 0)) == pytest.approx(patch.astype(float), abs=1e-6)


def test_twice_the_haematoxylin_squares_its_transmission():
    colour = 255 * np.exp(-0.5 * np.array([0.65, 0.70, 0.29]))  # haematoxylin of density 0.5
    patch = np.round(np.tile(colour, (2, 2, 1))).astype(np.uint8)
    stained = change_stain(patch, (2, 1, 1), (0, 0, 0))
    assert stained[0, 0] == pytest.approx(255 * np.exp(-np.array([0.65, 0.70, 0.29])), abs=1.5)


def test_white_glass_stays_white_without_a_shift():
    white = np.full((4, 4, 3), 255, np.uint8)
    assert change_stain(white, (1.3, 0.7, 1.1), (0, 0, 0)) == pytest.approx(
        np.full((4, 4, 3), 255.0)
    )


def test_brightness_multiplies_the_middle_and_contrast_what_is_around_it():
    patch = np.zeros((16, 16, 3), np.uint8)
    patch[:8], patch[8:] = 60, 100
    lit = apply(patch, replace(NOTHING, brightness=1.2, contrast=0.5), 1.0).astype(float)
    assert lit[:7].mean() == pytest.approx(80 * 1.2 - 10, abs=1)
    assert lit[9:].mean() == pytest.approx(80 * 1.2 + 10, abs=1)


def test_blur_is_of_the_slide_so_coarse_patches_hardly_feel_it(patch):
    change = replace(NOTHING, blur=2.0)
    rough = [float(apply(patch, change, scale).astype(float).std()) for scale in (1.0, 4.0, 64.0)]
    assert rough[0] < 0.5 * rough[1] < rough[2]
    assert rough[2] == pytest.approx(apply(patch, NOTHING, 64.0).astype(float).std())


def test_worse_jpeg_is_further_from_the_patch(patch):
    far = [np.abs(compress(patch, q).astype(int) - patch).mean() for q in (95, 60)]
    assert far[0] < far[1]
    assert compress(patch, 60).shape == patch.shape


def test_draws_stay_within_the_jitter_and_follow_the_seed():
    jitter = Jitter(stain=0.2, light=0.1, blur=0.5, quality=(70, 80))
    draws = [draw(jitter, np.random.default_rng(seed)) for seed in range(200)]
    assert draws[3] == draw(jitter, np.random.default_rng(3))
    for one in draws:
        assert all(0.8 <= gain <= 1.2 for gain in one.stain_gain)
        assert all(abs(shift) <= 0.02 for shift in one.stain_shift)
        assert 0.9 <= one.brightness <= 1.1
        assert 0 <= one.blur <= 0.5
        assert 70 <= one.quality <= 80
    assert {one.quality for one in draws} == set(range(70, 81))


def test_all_scales_of_a_pyramid_are_changed_alike():
    flat = np.full((3, 16, 16, 3), (180, 90, 140), np.uint8)
    pyramid = Pyramid(Site(0, 0), ScaleGrid((1.0, 2.0, 4.0)), (0, 1, 2), flat, ())
    changed = jitter_pyramid(pyramid, Jitter(stain=0.3), np.random.default_rng(1))
    assert not np.array_equal(changed.patches, flat)
    assert np.array_equal(changed.patches[0], changed.patches[2])
    assert changed.grid == pyramid.grid


def test_a_pyramid_without_patches_stays_as_it_is():
    empty = Pyramid(Site(0, 0), ScaleGrid((1.0,)), (), np.zeros((0, 8, 8, 3), np.uint8), ())
    assert jitter_pyramid(empty, Jitter(), np.random.default_rng(0)).patches.shape == (0, 8, 8, 3)
