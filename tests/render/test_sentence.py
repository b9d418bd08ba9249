"""The answer in words says what the report says, and no more."""

import pytest

from wsi_scale.render.sentence import explain, headline, number


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (4.0149, "4.01"),
        (0.98, "0.980"),
        (16, "16.0"),
        (352.8, "353"),
        (12345, "12345"),
        (1, "1.00"),
    ],
)
def test_numbers_have_three_digits_and_no_exponent(value, text):
    assert number(value) == text


def test_the_headline_is_the_answer_in_one_line(make_report):
    assert headline(make_report()) == "scale 4.02 [3.87–4.18] · 0.978 µm/px · ok"


def test_without_resolution_no_micrometre_is_named(make_report):
    report = make_report(mpp=None)
    assert headline(report) == "scale 4.02 [3.87–4.18] · ok"
    assert "no µm can be given" in explain(report)


def test_without_an_answer_the_headline_says_so_and_why(make_report):
    assert headline(make_report("flat", scale=None)) == "no answer: flat"
    assert headline(make_report("no_evidence", scale=None)) == "no answer: no evidence"


def test_every_verdict_is_explained_without_magnification(any_report):
    text = explain(any_report)
    assert text.endswith(".")
    assert "{" not in text
    assert not any(word in text for word in ("×", "20x", "magnification", "objective"))


def test_a_slide_outside_is_told_outside_of_what_and_what_may_help(make_report):
    by_profile = explain(make_report("outside", estimator="profile"))
    assert "the images that the profile was calibrated on" in by_profile
    assert "--free-colour" not in by_profile
    plain = explain(make_report("outside", estimator="fingerprint"))
    assert "anything the network was trained on" in plain
    assert "--free-colour" in plain


def test_a_baseline_that_was_asked_for_is_not_laid_on_the_network(make_report):
    voices = {"confidence": 3.0, "fingerprint": 4.0}
    asked = make_report("no_evidence", scale=None, estimator="confidence", voices=voices)
    assert "asked for, confidence, is a baseline" in explain(asked)
    assert "allows fingerprint: leave --estimator out" in explain(asked)
    alone = make_report("no_evidence", scale=None, voices={"confidence": 3.0, "fingerprint": None})
    assert "a network with trained BatchNorm layers would" in explain(alone)


def test_a_doubtful_answer_says_what_to_do_and_not_how_to_use_the_number(any_report):
    text = explain(any_report)
    assert ("Read level" in text) == (any_report.verdict == "ok")


def test_an_ambiguous_answer_names_its_candidates(make_report):
    candidates = [{"scale": 1.5, "score": -0.2}, {"scale": 4.02, "score": 0.0}]
    assert "(4.02 and 1.50)" in explain(make_report("ambiguous", candidates=candidates))


@pytest.mark.parametrize(
    ("residual", "advice"),
    [(1.001, "as it is"), (1.3, "and shrink it by 1.30"), (0.98, "and enlarge it by 1.02")],
)
def test_the_nearest_level_is_put_to_use(residual, advice, make_report):
    nearest = {"level": 1, "downsample": 4.0, "residual": residual}
    assert f"Read level 1 of the slide {advice}" in explain(make_report(nearest_level=nearest))


def test_enlarging_is_always_said(make_report):
    assert "enlarges the slide" in explain(make_report(scale=0.7))


def test_a_partial_answer_is_said_to_be_partial(make_report):
    report = make_report(partial=True)
    assert headline(report).endswith("(partial)")
    assert "cancelled" in explain(report)
