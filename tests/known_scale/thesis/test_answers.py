"""Which estimators are run, in which windows, and the rows of chance."""

import math
from pathlib import Path

import numpy as np
import pytest

from wsi_scale.estimators import Answer, Unavailable
from wsi_scale.geometry import ScaleGrid
from wsi_scale.known_scale.evaluate.chance import CENTRE
from wsi_scale.known_scale.thesis import answers
from wsi_scale.known_scale.thesis.answers import (
    EVERY_CLASS,
    OF_RANDOM_WEIGHTS,
    QUESTIONS,
    Pools,
    Regret,
    ThesisAnswer,
    ThesisQuestion,
    around,
    ask,
    ask_everyone,
)
from wsi_scale.known_scale.thesis.names import FAMILY, SCALES
from wsi_scale.known_scale.thesis.plan import PRESETS, Plan
from wsi_scale.known_scale.thesis.thesis_windows import windows_of
from wsi_scale.responses.record import merge
from wsi_scale.slide.readers.synthetic import FIGURE_CLASSES

PLAN = Plan(Path("nowhere"), PRESETS["quick"])


def found(answer, network="figures-5-constant", lo=0.5, hi=9.9):
    return ThesisAnswer(network, lo, hi, "thesis", "red cross", answer, None)


def test_errors_are_in_octaves_and_in_units_of_scale():
    assert found(10.0).octaves == 1
    assert found(10.0).off == 5
    assert math.isnan(found(None).octaves)


def test_every_training_scale_has_a_window_whose_middle_is_not_the_answer():
    for scale in SCALES:
        network = f"figures-{scale:g}-constant"
        cells = [found(None, network, lo, hi) for lo, hi in windows_of(PLAN.grid, scale)]
        assert any(not cell.centred for cell in cells)
        assert all(cell.lo < scale < cell.hi for cell in cells)


def test_the_thesis_window_is_centred_on_its_own_answer_and_on_no_other():
    assert found(None).centred
    others = [x for x in FAMILY.values() if x.scale != 5]
    assert not any(found(None, x.name).centred for x in others)


def test_kept_accuracy_is_that_at_the_answer_beside_the_best():
    regret = Regret(np.array([1.0, 2.0, 4.0]), np.array([[0.2, 0.8, 0.4], [0.0, 0.4, 0.4]]))
    assert regret.kept(0, 3.9) == pytest.approx(0.5)
    assert regret.kept(None, 1.1) == pytest.approx(0.1 / 0.6)
    assert regret.kept(None, None) is None


@pytest.mark.parametrize("right", SCALES)
def test_a_reference_has_its_right_scale_at_its_middle(right):
    lo, hi = around(right, PLAN.grid)
    assert math.sqrt(lo * hi) == pytest.approx(right)
    assert PLAN.grid.scales[0] <= lo * 1.000001
    assert hi <= PLAN.grid.scales[-1] * 1.000001


class Recorder:
    """An estimator that notes what it is given, and answers a number."""

    def __init__(self, answer=3.0):
        self.answer = answer
        self.seen = []

    def prepare(self, responses, options):
        if self.answer is None:
            raise Unavailable("mute")
        self.seen.append((responses, options))
        return lambda weights: Answer(np.zeros(len(responses.grid)), self.answer)


@pytest.fixture
def recorder(monkeypatch):
    made = Recorder()
    monkeypatch.setattr(answers, "find_estimator", lambda name: made)
    return made


@pytest.fixture
def pools(responses_of):
    """Two classes and both together; each pool can be told from the others by its numbers."""
    grid = ScaleGrid((1.0, 2.0, 4.0, 8.0))

    def pool(content):
        parts = [responses_of(grid=grid, sites=2, content=content + kind) for kind in range(2)]
        return (*parts, merge(parts))

    return Pools(pool(0), pool(10), pool(20))


MEMBER = FAMILY["figures-4-constant"]


def test_a_question_reads_the_test_images_of_its_own_class(recorder, pools):
    assert ask(ThesisQuestion("x", "x", {"sigma": 9}), MEMBER, pools, 1) == 3.0
    ((responses, options),) = recorder.seen
    assert responses is pools.test[1]
    assert options.sigma == 9
    assert options.reference is None


def test_a_shuffled_question_reads_the_shuffled_ones_and_learns_from_the_whole_ones(
    recorder, pools
):
    ask(ThesisQuestion("x", "x", reference=True, shuffled=True), MEMBER, pools, 0)
    ((responses, options),) = recorder.seen
    assert responses is pools.shuffled[0]
    assert options.reference.responses is pools.train[0]
    assert options.reference.scale == 4.0


def test_an_estimator_that_refuses_gives_no_answer(recorder, pools):
    recorder.answer = None
    assert ask(ThesisQuestion("x", "x"), MEMBER, pools, 0) is None


def test_a_window_cuts_what_is_asked_and_leaves_what_is_learnt_from(pools):
    cut = pools.between(2, 4)
    assert [x.grid.scales for x in (*cut.test, *cut.shuffled)] == [(2.0, 4.0)] * 6
    assert cut.train is pools.train


@pytest.mark.parametrize("network", ["figures-4-constant", "random-4"])
def test_every_voice_is_heard_beside_shuffled_responses_and_random_weights(
    recorder, responses_of, network
):
    one = responses_of(grid=ScaleGrid((1.0, 2.0, 4.0, 8.0)))
    whole = Pools(*[(one,) * 21] * 3)
    regret = Regret(np.array(one.grid.scales), np.ones((20, 4)))
    found = list(ask_everyone(network, (1.0, 8.0), whole, regret))
    assert {x.kind for x in found} == {*FIGURE_CLASSES, EVERY_CLASS}
    labels = {x.label for x in found}
    if FAMILY[network].random:
        assert labels == {x.label for x in OF_RANDOM_WEIGHTS}
        assert all(x.kept_accuracy is None for x in found)
    else:
        assert labels == {CENTRE, *(x.label for x in QUESTIONS)}
        assert {x.answer for x in found if x.label == CENTRE} == {4.5}
    voices = ("thesis", "fingerprint", "confidence", "dsst", "hrsem", "rrsem")
    by_chance = {f"chance: {x} on shuffled responses" for x in voices}
    assert by_chance <= {x.label for x in QUESTIONS}
    assert {f"chance: {x} on random weights" for x in voices} == {
        x.label for x in OF_RANDOM_WEIGHTS
    }


def test_a_narrower_window_keeps_its_own_best_accuracy():
    regret = Regret(np.array([1.0, 2.0, 4.0]), np.array([[0.8, 0.4, 0.2]]))
    assert regret.kept(0, 2.0) == 0.5
    assert regret.between(2, 4).kept(0, 2.0) == 1.0
