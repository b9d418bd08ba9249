"""Which estimators are run, in which windows, and the rows of chance."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from wsi_scale.errors import SettingsError
from wsi_scale.geometry import Site
from wsi_scale.known_scale.evaluate import ask_estimators
from wsi_scale.known_scale.evaluate.ask_estimators import (
    CENTRE,
    MEASURED,
    RANDOM,
    SHUFFLED,
    UNAVAILABLE,
    BenchQuestion,
    ask,
    ask_all,
    cut,
    list_questions,
)
from wsi_scale.known_scale.evaluate.bench import Bench
from wsi_scale.known_scale.evaluate.manifest import Manifest
from wsi_scale.known_scale.evaluate.windows import ScaleWindow

BENCH = Bench(Path("nowhere"), Manifest(Path("slides.csv"), ()))


def test_chance_is_always_asked_and_the_centre_last():
    questions = list_questions(["fingerprint"], [("extrema", {"sigma": 7.0})])
    assert [(x.estimator, x.responses) for x in questions] == [
        ("fingerprint", MEASURED),
        ("extrema", MEASURED),
        ("fingerprint", SHUFFLED),
        ("extrema", SHUFFLED),
        ("fingerprint", RANDOM),
        ("extrema", RANDOM),
        (CENTRE, "none"),
    ]


def test_all_that_need_no_reference_are_asked_unless_some_are_named():
    names = [x.estimator for x in list_questions(None, []) if x.responses == MEASURED]
    assert names[0] == "auto"
    assert {"confidence", "extrema"} <= set(names)
    assert not {"dsst", "hrsem", "rrsem", "profile"} & set(names)


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (["dsst"], "learns from images whose right scale is known"),
        (["profile"], "needs a profile; name it with --profile"),
        (["x"], "unknown estimator 'x'"),
    ],
)
def test_who_cannot_be_asked_is_refused(names, says):
    with pytest.raises(SettingsError, match=says):
        list_questions(names, [])


def test_a_site_without_a_patch_in_the_window_is_gone(responses_of):
    whole = responses_of(sites=3)
    few = whole.site_index != 1
    few |= np.array(whole.grid.scales)[whole.scale_index] < 1  # site 1 reaches small scales only
    seen = cut(whole._at(few), ScaleWindow(1, 8))
    assert seen.sites == (whole.sites[0], whole.sites[2])
    assert set(seen.site_index) == {0, 1}
    assert seen.grid.scales[0] == pytest.approx(1)
    assert seen.grid.scales[-1] == pytest.approx(8)


def test_the_answer_of_a_baseline_is_what_it_says_though_its_verdict_has_no_number(responses_of):
    responses = responses_of(sites=16)
    entropy = 1 + np.abs(np.log2(np.array(responses.grid.scales) / 4))[responses.scale_index]
    responses = responses_of(sites=16, entropy=entropy.astype(np.float32))
    voice = ask(BenchQuestion("confidence"), responses, BENCH)
    assert voice.says == pytest.approx(4, rel=0.05)
    assert (voice.verdict, voice.has_number, voice.interval) == ("no_evidence", False, None)


def test_a_profile_is_asked_where_one_is_given(tmp_path, profile_of, samples_of, responses_of):
    path = tmp_path / "network.profile"
    profile_of(samples_of(truth=2.0)).save(path)
    names = [x.estimator for x in list_questions(None, [], profile=True)]
    assert "profile" in names
    bench = replace(BENCH, profile=path)
    voice = ask(BenchQuestion("auto"), responses_of(truth=3.0, sites=16, content=0.2), bench)
    assert voice.by == "profile"
    assert voice.says == pytest.approx(3, rel=0.2)
    assert bench.describe()["profile"] != BENCH.describe()["profile"]


def test_a_contradiction_that_auto_found_is_not_laid_on_the_one_it_chose(
    tmp_path, profile_of, samples_of, responses_of, monkeypatch
):
    """Asked first, auto calls two trusted voices ambiguous; each alone is ok."""
    path = tmp_path / "network.profile"
    profile_of(samples_of(truth=2.0)).save(path)
    real = ask_estimators.estimate

    def contradicted(responses, *, estimator, **options):
        verdict = "ambiguous" if estimator == "auto" else "ok"
        return replace(real(responses, estimator=estimator, **options), verdict=verdict)

    monkeypatch.setattr(ask_estimators, "estimate", contradicted)
    questions = [BenchQuestion("auto"), BenchQuestion("profile")]
    pools = {MEASURED: responses_of(truth=3.0, sites=16, content=0.2)}
    found = ask_all(questions, pools, ScaleWindow(0.5, 8), replace(BENCH, profile=path))
    assert [voice.verdict for _, voice in found] == ["ambiguous", "ok"]


def test_who_cannot_work_is_unavailable_and_not_an_error(responses_of):
    voice = ask(
        BenchQuestion("extrema"), responses_of(sites=2), BENCH
    )  # no gradients were measured
    assert (voice.says, voice.verdict, voice.has_number) == (None, UNAVAILABLE, False)


def test_what_auto_chose_is_not_asked_twice(responses_of, monkeypatch):
    responses = responses_of(truth=2, sites=16)
    asked = []
    real = ask_estimators.ask

    def counting(question, *rest):
        asked.append(question.estimator)
        return real(question, *rest)

    monkeypatch.setattr(ask_estimators, "ask", counting)
    questions = [
        BenchQuestion("auto"),
        BenchQuestion("fingerprint"),
        BenchQuestion(CENTRE, {}, "none"),
    ]
    pairs = list(ask_all(questions, {MEASURED: responses}, ScaleWindow(1, 16), BENCH))
    assert asked == ["auto"]
    says = [voice.says for _, voice in pairs]
    assert says == [pytest.approx(2, rel=0.05), says[0], 4.0]
    assert [voice.by for _, voice in pairs] == ["fingerprint", "fingerprint", CENTRE]


def test_recognition_is_asked_of_a_network_whose_card_says_selective(responses_of):
    """It finds a fifth of the pixels at scale 3 and less an octave around."""
    responses = responses_of(sites=16)
    octaves = np.abs(np.log2(np.array(responses.grid.scales)[responses.scale_index] / 3))
    found = 0.2 * np.exp(-2 * octaves**2)
    share = np.stack([1 - found, found, 0 * found], axis=1).astype(np.float32)
    target = np.ones_like(responses.target)
    segmenter = replace(responses, share=share, target=target, task="segment")
    question = BenchQuestion("recognition")
    assert ask(question, segmenter, BENCH).says == pytest.approx(3, rel=0.02)
    assert ask(question, segmenter, replace(BENCH, network="figures")).verdict == UNAVAILABLE


def test_sites_that_repeat_each_other_weigh_as_one_as_in_a_run(responses_of):
    sites = (*(Site(9000.0 * i, 0.0) for i in range(8)), *(Site(float(i), 0.0) for i in range(8)))
    crowded = replace(responses_of(truth=3.0, sites=16, content=0.2), sites=sites)
    alone = responses_of(truth=3.0, sites=16, content=0.2)
    question = BenchQuestion("fingerprint")
    assert ask(question, alone, BENCH).interval != ask(question, crowded, BENCH).interval
