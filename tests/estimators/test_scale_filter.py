"""The trackers' scale filter and its three estimators: results by hand, then general laws."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from wsi_scale.estimators import Options, Reference, Unavailable, dsst, hrsem, rrsem, scale_filter
from wsi_scale.estimators.scale_filter import (
    even,
    gaussian,
    interpolation,
    measured,
    signatures,
    taper,
)
from wsi_scale.geometry import ScaleGrid
from wsi_scale.pipeline.settings import Settings

PAGE = Path(__file__).parents[2] / "docs" / "estimators.md"
THREE = pytest.mark.parametrize("estimator", [dsst, hrsem, rrsem], ids=lambda m: m.NAME)
WIDE = ScaleGrid.geometric(0.5, 16, 8)
THESIS = ScaleGrid.linear(0.5, 9.9, 0.1)
OFFSETS = np.array([0.25, -0.35, 0.05, -0.1, 0.45, -0.55])
"""Octaves from the right scale at which each channel swings through zero."""


@pytest.fixture
def swings(responses_of):
    """Maker of responses in which every channel swings once, at a known distance from the right
    scale: −d · exp(−d² / 2), d in units of 0.3 octave, times how loud each site is.
    """

    def make(right=2.5, grid=WIDE, sites=4, rights=None, loud=1.0):
        base = responses_of(grid=grid, sites=sites)
        centre = np.log2(np.broadcast_to(right if rights is None else rights, sites))
        octaves = np.log2(np.array(grid.scales))[None, :, None] - centre[:, None, None]
        d = (octaves - OFFSETS) / 0.3
        mean = np.broadcast_to(loud, sites)[:, None, None] * -d * np.exp(-(d**2) / 2)
        layer = replace(base.layers[0], mean=mean.reshape(-1, 6).astype(np.float32))
        return replace(base, layers=(layer,))

    return make


def ask(estimator, responses, reference, weights=None):
    score = estimator.prepare(responses, Options(reference=reference))
    return score(np.ones(len(responses.sites)) if weights is None else np.array(weights, float))


def cut_above(responses, scale, site):
    """The same, as if this site's larger patches would have left the slide."""
    scales = np.array(responses.grid.scales)[responses.scale_index]
    return responses._at((scales <= scale) | (responses.site_index != site))


def test_even_positions_start_at_the_first_scale_and_reach_the_last():
    assert even(np.array([1.0, 1.1])).tolist() == [1, 1.0625, 1.125]
    assert even(np.array([-1.0, -0.875])).tolist() == [-1, -0.9375, -0.875]


def test_resampling_is_exact_for_lines_in_log_scale_on_any_grid():
    x = np.log2(np.array([0.5, 0.6, 0.9, 1.7, 2.0]))
    assert interpolation(x) @ (3 * x - 2) == pytest.approx(3 * even(x) - 2)


def test_the_taper_is_a_hann_window_over_the_measured_scales():
    """Five positions, then the same with the last two not cut: 0, ½, 1, ½, 0 and 0, 1, 0."""
    x = np.arange(5) / 16
    known = np.array([[True] * 5, [True] * 3 + [False] * 2])
    expected = [[0, 0.5, 1, 0.5, 0], [0, 1, 0, 0, 0]]
    assert taper(x, known) == pytest.approx(np.array(expected), abs=1e-12)


def test_the_aim_is_one_at_its_centre_and_falls_off_round_the_ring():
    aim = gaussian(1.0, 32)
    assert aim[1] == 1
    assert aim[5] == aim[29] == pytest.approx(np.exp(-0.5))


def test_a_pyramid_of_four_scales_counts_as_not_measured():
    values = np.ones((2, 6, 1))
    values[0, 5:] = np.nan
    values[1, 4:] = np.nan
    assert measured(values).sum(axis=1).tolist() == [5, 0]


def test_a_signature_is_the_mean_and_the_log_deviation_of_each_channel(responses_of):
    """With stored variance 9 everywhere, the second half of the features is log(3)."""
    responses = responses_of(2.0, sites=3)
    found = signatures(responses, responses.layers)
    assert found.shape == (3, 41, 12)
    assert found[:, :, 6:] == pytest.approx(np.full((3, 41, 6), np.log(3)), abs=1e-5)
    assert found[1, 16, :6] == pytest.approx(7)


@THREE
@pytest.mark.parametrize("k", [0.7, 1, 2**0.5, 1.6])
@pytest.mark.parametrize(
    "grid", [WIDE, THESIS, ScaleGrid.geometric(0.7, 12, 6), ScaleGrid.geometric(0.5, 64, 8)]
)
def test_untapered_the_filter_is_exact_for_a_slide_stretched_by_k(
    swings, monkeypatch, estimator, k, grid
):
    monkeypatch.setattr(scale_filter, "taper", lambda x, known: np.ones((len(known), len(even(x)))))
    for of_reference in (WIDE, THESIS):
        answer = ask(estimator, swings(2.5 * k, grid), Reference(swings(2.5, of_reference), 2.5))
        assert answer.scale == pytest.approx(2.5 * k, rel=0.015)


@THREE
@pytest.mark.parametrize("k", [0.7, 1, 1.6])
@pytest.mark.parametrize("grid", [WIDE, THESIS, ScaleGrid.geometric(1, 12, 8)])
def test_finds_a_stretched_slide_in_windows_of_other_places(swings, estimator, k, grid):
    answer = ask(estimator, swings(2.5 * k, grid), Reference(swings(2.5), 2.5))
    assert abs(np.log2(answer.scale / (2.5 * k))) < 0.1


@THREE
def test_the_right_scale_is_what_the_reference_says_it_is(swings, estimator):
    """The same pyramids, called right at another scale, move the answer by as much."""
    slide, pyramids = swings(2.5), swings(2.5)
    first = ask(estimator, slide, Reference(pyramids, 2.5)).scale
    other = ask(estimator, slide, Reference(pyramids, 2.5 * 2**0.5)).scale
    assert first == pytest.approx(2.5, rel=0.005)
    assert other / first == pytest.approx(2**0.5, rel=0.005)


@THREE
def test_stretching_the_grid_stretches_the_answer(swings, estimator):
    reference = Reference(swings(2.5), 2.5)
    near = ask(estimator, swings(2.5), reference)
    far = ask(estimator, swings(2.5 * 2.9, ScaleGrid.geometric(1.45, 46.4, 8)), reference)
    assert far.scale == pytest.approx(2.9 * near.scale, rel=1e-5)
    assert far.score == pytest.approx(near.score, abs=1e-5)


@THREE
def test_stretching_the_reference_with_its_right_scale_changes_nothing(swings, estimator):
    slide = swings(3.0)
    near = ask(estimator, slide, Reference(swings(2.5), 2.5))
    grid = ScaleGrid.geometric(1.45, 46.4, 8)
    far = ask(estimator, slide, Reference(swings(2.5 * 2.9, grid), 2.5 * 2.9))
    assert far.scale == pytest.approx(near.scale, rel=1e-5)


@THREE
def test_a_pyramid_like_the_reference_scores_almost_one_at_the_right_scale(swings, estimator):
    one = swings(2.5, sites=1)
    answer = ask(estimator, one, Reference(one, 2.5))
    assert answer.scale == pytest.approx(2.5, rel=0.005)
    assert 0.8 < np.nanmax(answer.score) < 1.05


def test_a_right_scale_below_the_window_does_not_come_round_at_its_upper_end(swings):
    """64 even positions, the answer 11 below them: on a ring of 64 it would be position 53."""
    grid = ScaleGrid.geometric(0.5, 0.5 * 2 ** (63 / 16), 16)
    reference = Reference(swings(3.0, grid), 1.0)
    inside, below = (ask(dsst, swings(right, grid), reference) for right in (3.0, 0.9))
    assert inside.scale == pytest.approx(1.0, rel=0.01)
    assert below.score[40:].max() < 0.1 * inside.score.max()


@THREE
def test_the_order_of_channels_is_irrelevant(swings, estimator):
    def turned(responses):
        layer, order = responses.layers[0], [3, 1, 5, 0, 2, 4]
        changed = replace(layer, mean=layer.mean[:, order], var=layer.var[:, order])
        return replace(responses, layers=(changed,))

    plain = ask(estimator, swings(3.0), Reference(swings(2.5), 2.5))
    again = ask(estimator, turned(swings(3.0)), Reference(turned(swings(2.5)), 2.5))
    assert again.score == pytest.approx(plain.score)


@THREE
def test_units_of_a_channel_are_irrelevant(swings, estimator):
    def rescaled(responses):
        layer = responses.layers[0]
        changed = replace(layer, mean=layer.mean * np.float32([1, 9, 1, 2, 1, 1]) + 5)
        return replace(responses, layers=(changed,))

    plain = ask(estimator, swings(3.0), Reference(swings(2.5), 2.5))
    again = ask(estimator, rescaled(swings(3.0)), Reference(rescaled(swings(2.5)), 2.5))
    assert again.score == pytest.approx(plain.score, abs=1e-4)


@THREE
def test_weighting_a_site_twice_is_having_it_twice(swings, estimator):
    rights = [2.0, 2.2, 3.9]
    reference = Reference(swings(2.5), 2.5)
    weighted = ask(estimator, swings(sites=3, rights=rights), reference, [1, 1, 2])
    had = ask(estimator, swings(sites=4, rights=[*rights, 3.9]), reference)
    even_handed = ask(estimator, swings(sites=3, rights=rights), reference)
    assert weighted.score == pytest.approx(had.score)
    assert weighted.scale == pytest.approx(had.scale)
    assert weighted.scale > 1.03 * even_handed.scale


def test_one_wild_region_moves_the_whole_scene_but_not_the_median_region(swings):
    reference = Reference(swings(2.5), 2.5)
    slide = swings(sites=5, rights=[2.5, 2.5, 2.5, 2.5, 6.0], loud=[1, 1, 1, 1, 20])
    assert ask(rrsem, slide, reference).scale == pytest.approx(2.5, rel=0.005)
    assert ask(hrsem, slide, reference).scale > 5


@THREE
def test_scales_that_no_site_reaches_have_no_score(swings, estimator):
    slide = swings(2.5, sites=2)
    slide = cut_above(cut_above(slide, 8.1, 0), 8.1, 1)
    answer = ask(estimator, slide, Reference(swings(2.5), 2.5))
    beyond = np.array(slide.grid.scales) > 8.1
    assert np.isnan(answer.score[beyond]).all()
    assert np.isfinite(answer.score[~beyond]).all()
    assert abs(np.log2(answer.scale / 2.5)) < 0.1


@THREE
def test_a_site_with_too_few_scales_alone_has_no_answer(swings, estimator):
    slide = cut_above(swings(2.5, sites=2), 0.7, 1)
    reference = Reference(swings(2.5), 2.5)
    assert ask(estimator, slide, reference, [0, 1]).scale is None
    assert ask(estimator, slide, reference, [1, 0]).scale == pytest.approx(2.5, rel=0.005)


@THREE
def test_sites_are_scored_alike_whether_all_at_once_or_in_blocks(swings, monkeypatch, estimator):
    slide = swings(sites=3, rights=[2.0, 2.2, 3.9])
    reference = Reference(swings(sites=3, rights=[2.4, 2.5, 2.6]), 2.5)
    at_once = ask(estimator, slide, reference).score
    monkeypatch.setattr(scale_filter, "_BLOCK", 1)
    assert ask(estimator, slide, reference).score == pytest.approx(at_once)


def test_dsst_reads_the_layer_with_a_gradient_else_the_pooled_else_the_last(swings):
    layer = swings().layers[0]
    first, pooled, last = (
        replace(layer, name=name, kind=kind)
        for name, kind in (("a", "middle"), ("b", "pooled"), ("c", "middle"))
    )
    weighed = replace(first, gradient=layer.mean)
    for layers, name in (
        ((weighed, pooled, last), "a"),
        ((first, pooled, last), "b"),
        ((first, last), "c"),
    ):
        assert dsst.head_layer(replace(swings(), layers=layers)).name == name


def test_only_dsst_listens_to_the_output(swings):
    slide = swings()
    slide = replace(slide, layers=(replace(slide.layers[0], kind="output"),))
    assert ask(dsst, slide, Reference(slide, 2.5)).scale == pytest.approx(2.5, rel=0.005)
    for estimator in (hrsem, rrsem):
        with pytest.raises(Unavailable, match="no layer inside the network"):
            ask(estimator, slide, Reference(slide, 2.5))


@THREE
def test_without_a_reference_it_says_how_to_give_one(swings, estimator):
    with pytest.raises(Unavailable, match=r"Options\(reference=Reference\(responses, scale\)\)"):
        estimator.prepare(swings(), Options())


@THREE
def test_a_constant_reference_teaches_nothing(swings, responses_of, estimator):
    with pytest.raises(Unavailable, match="the same at every scale"):
        ask(estimator, swings(), Reference(responses_of(slope=0), 2.5))


@THREE
@pytest.mark.parametrize("scale", [0.4, 17.0, 0.0, -1.0, float("nan"), float("inf")])
def test_a_right_scale_outside_the_references_window_is_refused(swings, estimator, scale):
    with pytest.raises(Unavailable, match=r"scales 0\.5 to 16, but its right scale is"):
        ask(estimator, swings(), Reference(swings(), scale))


@THREE
def test_a_reference_of_another_network_is_refused(swings, estimator):
    other = swings()
    layer = other.layers[0]
    renamed = replace(other, layers=(replace(layer, name="bn9"),))
    narrow = replace(other, layers=(replace(layer, mean=layer.mean[:, :4], var=layer.var[:, :4]),))
    with pytest.raises(Unavailable, match="bn1 was not measured on the reference"):
        ask(estimator, swings(), Reference(renamed, 2.5))
    with pytest.raises(Unavailable, match="bn1 has 6 channels, but 4 in the reference"):
        ask(estimator, swings(), Reference(narrow, 2.5))


@THREE
def test_too_few_scales_are_refused_on_either_side(swings, estimator):
    few = swings().between(2.0, 2.7)
    assert len(few.grid) == 4
    with pytest.raises(Unavailable, match="the slide was measured at 4 scales; 5 are needed"):
        ask(estimator, few, Reference(swings(), 2.5))
    with pytest.raises(Unavailable, match="the reference was measured at 4 scales"):
        ask(estimator, swings(), Reference(few, 2.5))


def test_the_settings_of_a_report_leave_the_reference_out(swings):
    settings = Settings(options=Options(reference=Reference(swings(), 2.5)))
    assert "reference" not in settings.model_dump(mode="json")["options"]


def test_the_example_on_the_page_runs_as_written(swings, capsys):
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    exec(code, {"responses_at_known_scale": swings(2.0), "responses": swings(3.0)})
    assert float(capsys.readouterr().out) == pytest.approx(3.0, rel=0.05)
