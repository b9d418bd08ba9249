"""Verdicts: each is earned by what was measured, and only an earned ``ok`` is one."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsi_scale.errors import SettingsError
from wsi_scale.estimators import Answer, Options, Reference
from wsi_scale.estimators.curves import peak
from wsi_scale.geometry import ScaleGrid
from wsi_scale.judgement.estimate import blank_estimate, estimate
from wsi_scale.judgement.evidence import Evidence, rise
from wsi_scale.judgement.interval import conformal, interval_of
from wsi_scale.judgement.rules import weigh
from wsi_scale.judgement.verdicts import NUMBERED


def test_a_clear_optimum_is_ok_with_an_interval_around_the_truth(responses_of):
    answer = estimate(responses_of(3.0, content=0.1, slope=0.5))
    assert (answer.estimator, answer.verdict) == ("fingerprint", "ok")
    assert answer.scale == pytest.approx(3.0, rel=0.03)
    low, high = answer.interval
    assert low <= answer.scale <= high
    assert high / low < 1.2


def test_only_numbered_verdicts_carry_a_number(responses_of):
    cases = [
        responses_of(3.0),
        responses_of(slope=0.0, shift=0.01),
        responses_of(contrast=np.zeros(16 * 41, np.float32)),
        responses_of(shift=3.0),
        responses_of(20.0),
        responses_of(layers=()),
    ]
    verdicts = []
    for responses in cases:
        answer = estimate(responses)
        verdicts.append(answer.verdict)
        assert (answer.scale is not None) == (answer.verdict in NUMBERED)
        assert (answer.interval is not None) == (answer.verdict in NUMBERED)
        assert answer.reason
    assert verdicts == ["ok", "flat", "blank", "outside", "edge", "no_evidence"]


def test_an_optimum_beyond_the_window_is_a_bound(responses_of):
    for truth in (0.3, 20.0):
        answer = estimate(responses_of(truth, slope=0.3))
        assert answer.verdict in ("edge", "outside")
        assert "end of the window" in answer.reason


def test_a_slide_unlike_the_training_data_is_outside_even_with_a_sharp_optimum(responses_of):
    answer = estimate(responses_of(3.0, slope=0.5, shift=1.5))
    assert answer.verdict == "outside"
    assert answer.scale is not None


def test_layers_that_disagree_make_it_ambiguous(responses_of):
    parts = [responses_of(t, slope=0.3).layers[0] for t in (0.8, 1.0, 4.0, 5.0)]
    layers = tuple(replace(x, name=f"bn{i}") for i, x in enumerate(parts))
    responses = responses_of(2.0, layers=layers)
    evidence = Evidence(
        "fingerprint",
        np.array(responses.grid.scales),
        Answer(np.zeros(41), 2.0, {"a": 0.8, "b": 1.0, "c": 4.0, "d": 5.0}, misfit=0.0),
        (),
    )
    curve = -(np.log2(evidence.scales / 2) ** 2)
    sharp = replace(evidence, answer=replace(evidence.answer, score=curve))
    assert weigh(responses, sharp, {}).verdict == "ambiguous"


def two_peaks(first, second):
    scales = np.array(ScaleGrid.geometric(0.5, 16, 8).scales)
    left, right = (np.exp(-((np.log2(scales / t) / 0.4) ** 2)) for t in (1.0, 8.0))
    score = first * left + second * right
    return scales, Answer(score, peak(scales, score), misfit=0.0)


def test_resamples_that_prefer_another_scale_make_it_ambiguous_and_list_both(responses_of):
    scales, answer = two_peaks(1.0, 0.9)
    _, other = two_peaks(0.9, 1.0)
    judgement = weigh(
        responses_of(), Evidence("fingerprint", scales, answer, (answer,) * 7 + (other,) * 3), {}
    )
    assert judgement.verdict == "ambiguous"
    assert [round(scale) for scale, _ in judgement.candidates] == [1, 8]


def test_the_rise_is_taken_an_octave_away_and_ignores_how_wide_the_window_is():
    for below, above in ((20, 19), (12, 9), (40, 36), (6, 5), (7, 2)):  # in eighths of an octave
        octaves = np.arange(-below, above + 1) / 8
        evidence = Evidence("fingerprint", 3 * 2**octaves, Answer(-(octaves**2), 3.0), ())
        assert rise(evidence) == pytest.approx(1.0)


@pytest.mark.parametrize("name", ["confidence", "extrema", "dsst", "hrsem", "rrsem"])
def test_baselines_alone_are_never_ok(responses_of, name):
    responses = responses_of(3.0)
    sure = np.abs(np.log2(np.array(responses.grid.scales)[responses.scale_index] / 3))
    rng = np.random.default_rng(0)
    gradient = rng.normal(size=responses.layers[0].mean.shape).astype(np.float32)
    layer = replace(responses.layers[0], gradient=gradient)
    answer = estimate(
        replace(responses, entropy=sure.astype(np.float32), layers=(layer,)),
        estimator=name,
        options=Options(reference=Reference(responses_of(3.0), 3.0)),
    )
    assert answer.verdict == "no_evidence"
    assert answer.scale is None
    assert name in answer.voices


def test_every_available_estimator_answers(responses_of):
    answer = estimate(responses_of(3.0))
    assert set(answer.voices) == {"fingerprint", "confidence"}


def test_auto_without_a_fingerprint_says_why(responses_of):
    answer = estimate(responses_of(batchnorm_batches=3))
    assert answer.estimator == "confidence"
    assert answer.verdict == "no_evidence"
    assert "3 batches" in answer.reason


def test_an_estimator_that_cannot_work_is_refused_when_it_was_asked_for(responses_of):
    with pytest.raises(SettingsError, match="extrema cannot be used: no gradient"):
        estimate(responses_of(), estimator="extrema")


def test_a_network_that_no_estimator_can_read_gets_a_verdict_that_says_what_would_help(
    responses_of,
):
    bare = responses_of(layers=(), entropy=np.full(16 * 41, np.nan, np.float32))
    answer = estimate(bare)
    assert (answer.verdict, answer.estimator, answer.scale) == ("no_evidence", "none", None)
    assert answer.reason.startswith("no estimator can read this network: ")
    assert "wsi-scale calibrate makes one" in answer.reason
    assert "confidence" not in answer.reason
    assert len(answer.sites) == len(answer.site_scales) == 16


def test_noise_is_never_ok(responses_of):
    """Rows dealt out to random scales: 40 draws, none may be called ok."""
    for seed in range(40):
        responses = responses_of(3.0, content=0.2, seed=seed)
        order = np.random.default_rng(seed).permutation(len(responses.scale_index))
        dealt = replace(responses, scale_index=responses.scale_index[order])
        assert estimate(dealt, resamples=40).verdict != "ok", seed


def test_the_same_seed_gives_the_same_interval(responses_of):
    responses = responses_of(3.0, content=0.4, slope=0.3)
    assert estimate(responses, seed=4).interval == estimate(responses, seed=4).interval


def test_a_wider_level_gives_a_wider_interval(responses_of):
    responses = responses_of(3.0, content=0.4, slope=0.2)
    narrow, wide = (estimate(responses, interval_level=x).interval for x in (0.5, 0.95))
    assert wide[1] / wide[0] >= narrow[1] / narrow[0]


@pytest.mark.parametrize("level", [0.0, 1.0, 1.5])
def test_an_impossible_level_is_refused(responses_of, level):
    with pytest.raises(SettingsError, match="between 0 and 1"):
        estimate(responses_of(), interval_level=level)


def test_the_tolerance_band_ends_where_predictions_change(responses_of):
    responses = responses_of(3.0)
    scales = np.array(responses.grid.scales)[responses.scale_index]
    first = np.where((scales > 1.9) & (scales < 6.1), 0.8, 0.4)
    share = np.stack([first, 1 - first, 0 * first], axis=1).astype(np.float32)
    low, high = estimate(replace(responses, share=share)).tolerance
    assert 1.9 < low < 2.2
    assert 5.4 < high < 6.1


def test_sites_of_one_class_get_an_estimate_of_their_own(responses_of):
    responses = responses_of(3.0, sites=16)
    target = np.where(responses.site_index < 5, 2, 0).astype(np.int32)
    classes = estimate(replace(responses, target=target)).classes
    assert [name for name, *_ in classes] == ["a", "c"]
    assert all(scale == pytest.approx(3.0, rel=0.02) for _, scale, _ in classes)


def test_each_site_has_an_answer_of_its_own(responses_of):
    answer = estimate(responses_of(3.0, sites=5))
    assert len(answer.site_scales) == len(answer.sites) == 5
    assert answer.site_scales == pytest.approx([3.0] * 5, rel=0.02)


def test_upsampling_is_warned_of(responses_of):
    found = estimate(responses_of(0.8, slope=0.5))
    assert any("below 1" in x for x in found.warnings)


@pytest.mark.parametrize("sites", [1, 2, 3, 15])
def test_few_sites_are_never_ok_however_alike_they_are(responses_of, sites):
    answer = estimate(responses_of(3.0, sites=sites))
    assert answer.verdict == "ambiguous"
    assert f"only {sites} site" in answer.reason
    assert "measured, too few" in answer.reason
    assert answer.scale == pytest.approx(3.0, rel=0.02)
    assert estimate(responses_of(3.0, sites=16)).verdict == "ok"


def test_without_resamples_nothing_is_ok(responses_of):
    answer = estimate(responses_of(3.0), resamples=0)
    assert answer.verdict == "ambiguous"
    assert "not resampled" in answer.reason


def test_without_tissue_the_answer_is_blank():
    answer = blank_estimate(ScaleGrid((1.0, 2.0)), 0.9, "no tissue")
    assert (answer.verdict, answer.scale, answer.reason) == ("blank", None, "no tissue")


def test_measured_errors_make_the_interval_as_wide_as_the_next_error_is_likely_to_be():
    errors = np.arange(1, 20) / 100  # 19 of them: rank ⌈20 · 0.9⌉ = 18
    assert conformal(errors, 0.9) == 0.18
    assert conformal(errors, 0.5) == 0.10
    assert conformal(np.array([0.3, 0.1]), 0.9) == 0.3  # too few to be sure: the largest


@given(st.integers(1, 60), st.floats(0.05, 0.95), st.integers(0, 2**32 - 1))
def test_the_next_error_lies_within_with_the_probability_asked_for(count, level, seed):
    """By symmetry the next of n + 1 errors is equally likely to have any rank."""
    errors = np.random.default_rng(seed).permutation(count + 1).astype(float)
    within = [conformal(np.delete(errors, i), level) >= errors[i] for i in range(count + 1)]
    most = count / (count + 1)  # the largest of so few errors holds no more than that
    assert min(level, most) - 1e-9 <= np.mean(within) <= level + 1 / (count + 1) + 1e-9


@given(st.lists(st.integers(1, 9), min_size=2, max_size=25), st.floats(0.05, 0.95), st.data())
def test_where_the_errors_of_a_laboratory_are_alike_the_next_laboratory_is_held(sizes, level, data):
    """Each counts the same, however many images it gave."""
    errors = np.array(data.draw(st.permutations(range(len(sizes)))), float)
    within = []
    for i in range(len(sizes)):
        rest = np.delete(np.arange(len(sizes)), i)
        groups = np.repeat(rest, np.array(sizes)[rest])
        within.append(conformal(errors[groups], level, groups) >= errors[i])
    count = len(sizes) - 1
    most = count / (count + 1)
    assert min(level, most) - 1e-9 <= np.mean(within) <= level + 1 / (count + 1) + 1e-9


def test_a_large_laboratory_does_not_outvote_the_others():
    errors, groups = (
        np.r_[np.zeros(1000), np.arange(1, 31)],
        np.r_[np.zeros(1000), np.arange(1, 31)],
    )
    assert conformal(errors, 0.9, groups) == 28  # ⌈32 · 0.9⌉ = 29 of 31, from 0 on
    assert conformal(errors, 0.9) == 0


def evidence_with(misfit, an_octave_adds, common):
    """A parabola over four octaves, its top at scale 4, and resamples that all say 4."""
    octaves = np.arange(-16, 17) / 8
    score = -misfit - an_octave_adds * octaves**2
    answer = Answer(score, 4.0, left=-score, misfit=misfit, common=common)
    return Evidence("fingerprint", 4 * 2**octaves, answer, (answer,) * 10)


def test_what_all_sites_may_err_by_alike_widens_the_interval():
    """1.645 standard deviations of 0.2 · √(1 / 4) + 0.8 / 4² octaves, hand-computed: 0.2467."""
    interval = interval_of(evidence_with(0.01, 0.04, 0.2), 0.9, 46)
    assert np.log2(interval) == pytest.approx([2 - 0.2467, 2 + 0.2467], abs=1e-4)
    assert interval_of(evidence_with(0.01, 0.04, 0.0), 0.9, 46) == (4.0, 4.0)


@pytest.mark.parametrize(("misfit", "verdict"), [(0.004, "ok"), (0.014, "ambiguous")])
def test_an_interval_wider_than_a_quarter_is_not_ok(responses_of, misfit, verdict):
    """Ratios of 0.1 and 0.35 to what an octave adds: intervals of 1.08 and 1.28 times."""
    judgement = weigh(responses_of(), evidence_with(misfit, 0.04, 0.2), {})
    assert judgement.verdict == verdict
    assert ("beyond 1.25 times the answer" in judgement.reason) == (verdict == "ambiguous")


@pytest.mark.parametrize("an_octave_adds", [0.0, 1e-300, 1e-9])
def test_an_interval_never_reaches_beyond_the_window(an_octave_adds):
    assert interval_of(evidence_with(0.01, an_octave_adds, 0.2), 0.9, 46) == (1.0, 16.0)


def test_a_network_that_takes_many_scales_for_right_does_not_care(responses_of):
    """Trained with scale jitter, it has a best scale, but the others are nearly as good."""
    gentle = responses_of(3.0, slope=0.145, shift=0.045)
    answer = estimate(gentle)
    assert (answer.verdict, answer.scale) == ("flat", None)
    assert "insensitive to scale: from scale 0.5 to 16" in answer.reason
    octaves = np.log2(np.array(gentle.grid.scales)[gentle.scale_index] / 3)
    changed = np.clip(0.5 - 0.3 * np.abs(octaves), 0, 1)
    share = np.stack([changed, 0.9 - changed, np.full_like(changed, 0.1)], axis=1)
    assert estimate(replace(gentle, share=share.astype(np.float32))).verdict == "ok"
    assert estimate(responses_of(3.0, slope=0.145, shift=0.02)).verdict == "ok"
    assert estimate(responses_of(3.0, slope=0.145, shift=0.3)).verdict == "outside"


def test_a_network_that_does_not_care_does_not_care_in_a_narrow_window_either(responses_of):
    gentle = responses_of(3.0, slope=0.145, shift=0.045).between(1.5, 6)
    assert estimate(gentle).verdict == "flat"


@pytest.mark.parametrize(("per_octave", "verdict"), [(1, "ambiguous"), (2, "ok"), (8, "ok")])
def test_scales_too_far_apart_are_never_ok(responses_of, per_octave, verdict):
    grid = ScaleGrid.geometric(0.5, 16, per_octave)
    answer = estimate(responses_of(3.0, slope=0.5, content=0.1, grid=grid))
    assert answer.verdict == verdict
    assert ("raise --per-octave" in answer.reason) == (verdict == "ambiguous")


def test_the_rise_does_not_hang_on_how_dense_the_scales_are():
    dense = np.array(ScaleGrid.geometric(0.5, 16, 8).scales)
    sparse = dense[[0, 8, 16, 18, 20, 22, 24, 32, 40]]
    for scales in (dense, sparse):
        score = -(np.log2(scales / dense[20]) ** 2)
        evidence = Evidence("fingerprint", scales, Answer(score, dense[20]), ())
        assert rise(evidence) == pytest.approx(1.0, abs=1e-6)
