"""Which answer ``auto`` takes, and what it says about those it passed over."""

import itertools

import numpy as np
import pytest

from wsi_scale.errors import SettingsError
from wsi_scale.estimators import Answer, Options
from wsi_scale.judgement.auto import Voice, choose
from wsi_scale.judgement.estimate import estimate
from wsi_scale.judgement.evidence import Evidence, Judgement
from wsi_scale.judgement.verdicts import NUMBERED

SCALES = np.array([1.0, 2.0, 4.0, 8.0])
VERDICTS = ("ok", "edge", "ambiguous", "outside", "flat", "blank")


def voice(name, verdict, scale=2.0):
    answer = Answer(-np.abs(np.log2(SCALES / scale)), scale)
    return Voice(Evidence(name, SCALES, answer, ()), Judgement(verdict, f"{name} is {verdict}"))


@pytest.mark.parametrize(("first", "second"), list(itertools.product(VERDICTS, repeat=2)))
def test_auto_is_ok_when_one_is_and_has_a_number_when_one_has(first, second):
    chosen, warnings = choose([voice("profile", first), voice("fingerprint", second)])
    verdict = chosen.judgement.verdict
    assert (verdict == "ok") == ("ok" in (first, second))
    assert (verdict in NUMBERED) == (first in NUMBERED or second in NUMBERED)
    assert len(warnings) == (chosen.name == "fingerprint")


def test_of_two_that_are_trusted_the_first_is_followed():
    chosen, warnings = choose([voice("profile", "ok", 2.0), voice("fingerprint", "ok", 2.5)])
    assert (chosen.name, chosen.scale, warnings) == ("profile", 2.0, ())


def test_two_trusted_answers_that_contradict_each_other_are_both_named():
    chosen, _ = choose([voice("profile", "ok", 2.0), voice("fingerprint", "ok", 4.0)])
    assert chosen.judgement.verdict == "ambiguous"
    assert [scale for scale, _ in chosen.judgement.candidates] == [2.0, 4.0]
    assert "profile says 2, fingerprint 4" in chosen.judgement.reason


def test_what_is_passed_over_says_why():
    _, (warning,) = choose([voice("profile", "outside"), voice("fingerprint", "ok")])
    assert warning == "answer from fingerprint, because profile was outside: profile is outside"


def test_one_alone_is_followed_whatever_it_says():
    for verdict in VERDICTS:
        chosen, warnings = choose([voice("confidence", verdict)])
        assert (chosen.judgement.verdict, warnings) == (verdict, ())


def test_a_profile_that_cannot_read_the_responses_is_never_silently_passed_over(
    responses_of, samples_of, profile_of
):
    profile = profile_of(samples_of())
    with pytest.raises(SettingsError, match="estimator profile cannot be used"):
        estimate(responses_of(layers=()), options=Options(profile=profile))


@pytest.mark.parametrize("doubted", [x for x in VERDICTS if x != "ok"])
def test_where_recognition_is_in_doubt_the_fingerprint_is_not_trusted(doubted):
    """Enlarged fibres looked like the training data to it, and once it was 4.1 times off."""
    for scale in (2.0, 4.0, 8.0):
        voices = [voice("recognition", doubted, scale), voice("fingerprint", "ok", 4.0)]
        chosen, warnings = choose(voices)
        assert (chosen.name, chosen.judgement.verdict, warnings) == ("recognition", doubted, ())


def test_a_profile_before_recognition_is_followed_and_one_in_doubt_passed_over():
    doubted = voice("recognition", "edge", 8.0)
    chosen, _ = choose([voice("profile", "ok"), doubted, voice("fingerprint", "ok")])
    assert (chosen.name, chosen.judgement.verdict) == ("profile", "ok")
    chosen, _ = choose([voice("profile", "edge", 8.0), voice("fingerprint", "ok", 4.0)])
    assert (chosen.name, chosen.judgement.verdict) == ("fingerprint", "ok")
