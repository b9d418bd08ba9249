"""Fields of view: the patch that the network saw, at each site's own answer."""

from dataclasses import replace

import numpy as np
import pytest

from wsi_scale.geometry import Box, Site
from wsi_scale.networks.shipped import bundled_names
from wsi_scale.pipeline.fields_of_view import Field, field_at, fields_of_view, patch_box
from wsi_scale.pipeline.iterate import iter_estimates
from wsi_scale.pipeline.planning import expected_patches
from wsi_scale.pipeline.settings import DEFAULT_NETWORK, Settings

SLIDE = "synthetic:figures?seed=1&stretch=0.4&width=1500&height=1200"
FEW = {"sites": 4, "scales": (1, 4), "per_octave": 4}


@pytest.fixture(scope="module")
def steps():
    return list(iter_estimates(SLIDE, "figures", settings=Settings(**FEW)))


def test_a_patch_box_is_centred_and_as_large_as_the_patch():
    assert patch_box(Site(100, 80), 2.0, 10) == Box(90, 70, 20, 20)


def test_every_field_is_the_patch_at_the_sites_own_answer_and_within_the_slide(steps):
    last = steps[-1]
    fields = fields_of_view(last.run, last.estimate)
    assert [field.site for field in fields] == list(last.run.sites)
    own = dict(zip(last.estimate.sites, last.estimate.site_scales, strict=True))
    for field in fields:
        assert field.scale == own[field.site]
        assert field.box.x >= -1e-3
        assert field.box.x + field.box.width <= 1500 + 1e-3
        assert field.box.width == pytest.approx(field.scale * last.run.input_size)
        assert len(field.score) == len(last.estimate.scales)


def test_sites_that_were_never_measured_can_be_left_out(steps):
    last = steps[-1]
    two = replace(
        last.estimate,
        sites=last.estimate.sites[:2],
        site_scales=last.estimate.site_scales[:2],
        site_scores=last.estimate.site_scores[:2],
    )
    assert len(fields_of_view(last.run, two)) == 4
    shown = fields_of_view(last.run, two, planned=False)
    assert {field.site for field in shown} == set(two.sites)


def test_before_any_answer_fields_are_shown_in_the_middle_of_the_window(steps):
    run = steps[0].run
    wide = {field.box.width for field in fields_of_view(run, None)}
    middle = (run.grid.scales[0] * run.grid.scales[-1]) ** 0.5
    assert max(wide) == pytest.approx(run.input_size * middle)
    assert all(field.scale is None for field in fields_of_view(run, None))


def test_a_sites_own_score_peaks_at_its_own_answer(steps):
    answer = steps[-1].estimate
    for scale, score in zip(answer.site_scales, answer.site_scores, strict=True):
        near = min(range(len(score)), key=lambda i: abs(answer.scales[i] / scale - 1))
        assert abs(near - np.nanargmax(score)) <= 1


def test_the_patches_expected_are_about_those_measured():
    assert expected_patches(Settings()) == 460
    assert expected_patches(Settings(dense=True)) == 41 * 46
    assert expected_patches(Settings(colour_fit=True)) == 920


def test_the_default_network_comes_along():
    assert DEFAULT_NETWORK in bundled_names()


def test_of_overlapping_fields_the_nearest_is_at_a_place():
    fields = [Field(Site(x, 50), Box(x - 30, 20, 60, 60), None, None) for x in (50, 80)]
    assert [field_at(fields, x, 50) for x in (19, 21, 64, 66, 111)] == [None, 0, 0, 1, None]
