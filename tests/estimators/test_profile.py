"""Votes calculated by hand, and the three reasons to doubt a reading."""

from dataclasses import replace

import numpy as np
import pytest

from wsi_scale.errors import SettingsError
from wsi_scale.estimators import Options, Unavailable
from wsi_scale.estimators.profile import LEAST_SLOPE, Reading, prepare, read, slope_of
from wsi_scale.judgement.estimate import estimate
from wsi_scale.responses.record import merge


@pytest.fixture
def profile(profile_of, samples_of):
    return profile_of(samples_of(truth=2.0, content=0.05))


def reading(votes, belief, site=None):
    site = np.zeros(len(votes), np.int32) if site is None else np.array(site, np.int32)
    return Reading(np.array(votes, float), np.array(belief, float), site, 1.0, 0.0)


def test_the_answer_is_the_weighted_median_vote():
    assert reading([0, 1, 3], [1, 1, 1]).answer(np.ones(1)) == 2.0
    assert reading([0, 1, 3], [1, 1, 9]).answer(np.ones(1)) == 8.0
    assert reading([0, 1, 3], [0, 0, 0]).answer(np.ones(1)) is None


def test_sites_count_by_their_weight():
    two = reading([0, 3], [1, 1], site=[0, 1])
    assert two.answer(np.array([1.0, 0])) == 1.0
    assert two.answer(np.array([0.0, 1])) == 8.0


def test_the_cost_is_the_mean_distance_of_the_votes_and_least_at_the_answer():
    one = reading([0, 1, 3], [1, 1, 2])
    assert one.cost(np.array([0.0, 1, 2]), np.ones(1)).tolist() == [7 / 4, 5 / 4, 5 / 4]
    assert np.isnan(reading([0], [0]).cost(np.zeros(2), np.ones(1))).all()


def test_the_slope_is_taken_within_sites():
    x = np.array([0.0, 1, 0, 1])
    y = np.array([0.0, 1, 10, 11])  # the second site lies higher, and rises alike
    assert slope_of(x, y, np.ones(4), np.array([0, 0, 1, 1], np.int32)) == 1.0
    assert slope_of(x, y * 0, np.ones(4), np.array([0, 0, 1, 1], np.int32)) == 0.0
    assert slope_of(x * 0, y, np.ones(4), np.array([0, 0, 1, 1], np.int32)) == 0.0


def test_upsampled_and_painted_patches_and_those_beyond_the_reference_do_not_vote(
    profile, responses_of
):
    responses = responses_of(2.0, sites=2)
    said = read(profile, responses)
    assert (said.belief[responses.upsampled] == 0).all()
    assert (said.belief[~responses.upsampled] > 0).mean() > 0.8
    painted = replace(responses, variant=np.ones_like(responses.variant))
    assert (read(profile, painted).belief == 0).all()
    far = responses_of(0.25, sites=2)  # its patches lie up to 6 octaves from right, the
    scales = np.array(far.grid.scales)[far.scale_index]  # reference's at most 3
    assert (read(profile, far).belief[scales > 3] == 0).all()


def test_a_slide_like_the_reference_is_ok_with_an_interval_as_wide_as_the_errors(
    profile, responses_of
):
    answer = estimate(responses_of(3.0, seed=9, content=0.05), options=Options(profile=profile))
    assert (answer.estimator, answer.verdict) == ("profile", "ok")
    assert answer.scale == pytest.approx(3.0, rel=0.05)
    low, high = answer.interval
    assert low < 3.0 < high
    assert np.log2(high / low) / 2 >= np.quantile(np.abs(profile.errors), 0.9) - 1e-9


def test_a_map_that_does_not_rise_along_the_pyramids_is_outside(profile, responses_of):
    flat = responses_of(3.0, slope=0.0)
    assert read(profile, flat).slope < LEAST_SLOPE
    answer = estimate(flat, options=Options(profile=profile))
    assert answer.verdict == "outside"
    assert "slope" in answer.reason


def test_a_slide_far_from_the_reference_is_outside(profile, responses_of):
    strange = responses_of(3.0)
    layer = strange.layers[0]
    shift = np.float32([9, 9, 9, 0, 0, 9])
    strange = replace(strange, layers=(replace(layer, var=layer.var * (1 + shift)),))
    answer = estimate(strange, options=Options(profile=profile))
    assert answer.verdict == "outside"
    assert "times as far from the reference as its strangest image" in answer.reason


def test_a_profile_that_failed_its_own_images_answers_nothing(profile_of, responses_of, samples_of):
    rng = np.random.default_rng(0)
    samples = [replace(s, scale=float(2.0 ** rng.uniform(-2, 3))) for s in samples_of(images=12)]
    options = Options(profile=profile_of(samples))
    answer = estimate(responses_of(2.0), estimator="profile", options=options)
    assert answer.verdict == "flat"
    assert answer.scale is None
    assert "calibration found no scale" in answer.reason
    passed_over = estimate(responses_of(2.0), options=options)
    assert passed_over.estimator == "fingerprint"
    assert "because profile was flat: calibration found no scale" in passed_over.warnings[0]


def test_an_answer_beyond_the_window_is_a_bound(profile, responses_of):
    window = responses_of(3.0, sites=6).between(4.0, 16.0)
    answer = estimate(window, options=Options(profile=profile))
    assert answer.verdict == "edge"
    assert answer.scale == pytest.approx(4.0)


def test_fewer_sites_than_were_calibrated_are_not_ok(profile, responses_of):
    few = responses_of(3.0, sites=3, content=0.05)
    assert estimate(few, options=Options(profile=profile)).verdict == "ambiguous"
    enough = responses_of(3.0, sites=4, content=0.05)
    assert estimate(enough, options=Options(profile=profile)).verdict == "ok"


def test_without_a_profile_or_with_another_networks_it_says_why(profile, responses_of):
    with pytest.raises(Unavailable, match="wsi-scale calibrate makes one"):
        prepare(responses_of(), Options())
    responses = responses_of()
    other = replace(responses, layers=(replace(responses.layers[0], name="conv9"),))
    with pytest.raises(Unavailable, match="made for another network"):
        prepare(other, Options(profile=profile))


def test_a_profile_that_was_given_is_never_silently_passed_over(profile, responses_of):
    responses = responses_of()
    other = replace(responses, layers=(replace(responses.layers[0], name="conv9"),))
    with pytest.raises(SettingsError, match=r"profile cannot be used: the profile reads layer"):
        estimate(other, options=Options(profile=profile))


@pytest.mark.parametrize("sites", [1, 2, 3, 16])
def test_a_slide_of_which_no_patch_is_believed_gets_a_report_that_says_so(
    profile, responses_of, sites
):
    """All its patches lie further from the right scale than the reference's: no vote counts."""
    far = responses_of(2.0**-6, sites=sites)
    assert (read(profile, far).belief == 0).all()
    answer = estimate(far, estimator="profile", options=Options(profile=profile))
    assert (answer.verdict, answer.scale, answer.interval) == ("no_evidence", None, None)
    assert "no patch" in answer.reason
    assert np.isnan(answer.low).all()
    assert np.isnan(answer.high).all()


def test_a_slide_of_which_one_place_is_believed_gets_a_report(profile, responses_of):
    """Most resamples draw only places without a vote that counts."""
    near, far = responses_of(2.0, sites=1), responses_of(2.0**-6, sites=9)
    answer = estimate(merge([near, far]), options=Options(profile=profile))
    assert answer.verdict != "ok"
    assert answer.reason


def test_a_profile_of_fewer_than_fifteen_cases_is_never_ok(profile_of, samples_of, responses_of):
    for images, verdict in ((14, "ambiguous"), (15, "ok")):
        profile = profile_of(samples_of(truth=2.0, content=0.05, images=images))
        slide = responses_of(3.0, seed=99, content=0.05)
        answer = estimate(slide, estimator="profile", options=Options(profile=profile))
        assert answer.verdict == verdict, images
        assert ("made from 14 images" in answer.reason) == (images == 14)


def test_a_profile_of_one_laboratory_is_never_ok(profile_of, samples_of, responses_of):
    samples, slide = samples_of(truth=2.0, content=0.05), responses_of(3.0, seed=99, content=0.05)
    for count, verdict in ((1, "ambiguous"), (2, "ambiguous"), (3, "ok")):
        moved = [replace(x, source=str(n % count)) for n, x in enumerate(samples)]
        profile = profile_of(moved)
        assert profile.about.sources == count
        answer = estimate(slide, options=Options(profile=profile), estimator="profile")
        assert answer.verdict == verdict, count
        assert ("fewer than 3 folders" in answer.reason) == (count < 3)
    older = replace(profile, about=profile.about.model_copy(update={"sources": None}))
    assert estimate(slide, options=Options(profile=older), estimator="profile").verdict != "ok"


def test_the_interval_counts_laboratories_where_they_were_left_out_whole(
    profile_of, samples_of, responses_of
):
    samples = samples_of(truth=2.0, content=0.05, images=30)
    slide = responses_of(3.0, seed=99, content=0.05)
    for count, half in ((1, 0.2), (4, 0.3)):
        moved = [replace(x, source=str(n % count)) for n, x in enumerate(samples)]
        profile = profile_of(moved)
        images = len(samples)
        folders = None if count == 1 else tuple(n % count for n in range(images))
        assert profile.about.error_folders == folders
        off = np.r_[np.full(images - 1, 0.2), 0.3]
        told = replace(profile, errors=off, cut_errors=np.zeros(0))
        answer = estimate(slide, estimator="profile", options=Options(profile=told))
        assert np.log2(answer.interval[1] / answer.scale) == pytest.approx(half)
        few = [x for x in answer.warnings if "too few for a 90% interval" in x]
        assert bool(few) == (count == 4)
        assert not few or "made from 4 folders" in few[0]


def test_a_profile_that_random_weights_make_as_well_is_never_ok(profile, responses_of):
    off = float(np.median(np.abs(profile.errors)))
    slide = responses_of(3.0, seed=9, content=0.05)
    for control, verdict in ((1.2 * off, "ambiguous"), (1.3 * off, "ok")):
        about = profile.about.model_copy(update={"control": control})
        options = Options(profile=replace(profile, about=about))
        answer = estimate(slide, options=options, estimator="profile")
        assert answer.voices["profile"] == pytest.approx(3.0, rel=0.05)
        assert answer.verdict == verdict
        assert ("measures the tissue, not the network" in answer.reason) == (verdict != "ok")


def test_a_profile_that_errs_by_more_than_a_quarter_is_not_ok(profile, responses_of):
    wide = replace(profile, errors=np.full(15, 0.33), cut_errors=np.full(30, 0.33))
    slide = responses_of(3.0, seed=9, content=0.05)
    answer = estimate(slide, estimator="profile", options=Options(profile=wide))
    assert answer.verdict == "ambiguous"
    assert "reaches beyond 1.25 times the answer" in answer.reason
    narrow = replace(profile, errors=np.full(15, 0.31), cut_errors=np.full(30, 0.31))
    assert estimate(slide, options=Options(profile=narrow)).verdict == "ok"


def test_an_interval_that_reaches_the_window_is_not_ok(profile, responses_of):
    wide = replace(profile, errors=np.full(15, 0.3), cut_errors=np.full(30, 0.3))
    near_the_end = responses_of(3.0, sites=6, content=0.05).between(0.5, 3.5)
    answer = estimate(near_the_end, estimator="profile", options=Options(profile=wide))
    assert answer.verdict == "edge"
    assert "interval reaches the end of the window, 3.3" in answer.reason


def test_every_doubt_of_a_kind_is_told(profile_of, samples_of, responses_of):
    profile = profile_of(samples_of(truth=2.0, content=0.05, images=5))
    near, far = responses_of(2.0, sites=1), responses_of(2.0**-6, sites=9)
    reason = estimate(merge([near, far]), options=Options(profile=profile)).reason
    assert "made from 5 images" in reason
    assert "patches at only 1 of the places" in reason


@pytest.mark.parametrize(("control", "warned"), [(None, False), (1e-9, True), (9.0, False)])
def test_a_profile_that_an_untrained_copy_equals_says_that_it_measures_tissue(
    profile, responses_of, control, warned
):
    about = profile.about.model_copy(update={"control": control})
    own = replace(profile, about=about, errors=np.full(15, 0.01))
    answer = estimate(responses_of(3.0, content=0.05), options=Options(profile=own))
    assert any("measures the tissue, not the network" in x for x in answer.warnings) == warned
