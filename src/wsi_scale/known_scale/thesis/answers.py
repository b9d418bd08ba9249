"""Every estimator's answers from the saved responses of one network; without torch.

As in the thesis, there is one answer per class, from that class's pyramids. ``all`` is one answer
from the pyramids of all classes together.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from wsi_scale.estimators import extrema, find_estimator
from wsi_scale.estimators.contract import Options, Reference, Unavailable
from wsi_scale.geometry import ScaleGrid
from wsi_scale.known_scale.evaluate.accuracy_kept import kept_share, right_share
from wsi_scale.known_scale.evaluate.chance import CENTRE, shuffle_scales
from wsi_scale.known_scale.thesis.names import FAMILY, Member
from wsi_scale.known_scale.thesis.plan import Plan, load_class
from wsi_scale.known_scale.thesis.sweep_knobs import Sweep, sweep
from wsi_scale.known_scale.thesis.thesis_windows import ScaleEnds, is_centred, middle, windows_of
from wsi_scale.plumbing.arrays import Array
from wsi_scale.responses.record import Responses, merge
from wsi_scale.slide.readers.synthetic import FIGURE_CLASSES

EVERY_CLASS = "all"

LEARNING = ("dsst", "hrsem", "rrsem")
"""Estimators that learn from a reference."""


@dataclass(frozen=True)
class ThesisQuestion:
    """One estimator with one setting and one kind of responses."""

    label: str
    estimator: str
    options: dict[str, Any] = field(default_factory=dict)
    reference: bool = False
    """Whether it learns from training images first."""
    shuffled: bool = False
    """Whether the responses are randomly assigned to scales: an answer by chance."""


VOICES = {"thesis": "extrema", **{x: x for x in ("fingerprint", "confidence", *LEARNING)}}
"""Label and name of each estimator that is also run by chance."""


def _by_chance(label: str, what: str, *, shuffled: bool = False) -> ThesisQuestion:
    learns = label in LEARNING
    return ThesisQuestion(f"chance: {label} on {what}", VOICES[label], {}, learns, shuffled)


QUESTIONS = (
    ThesisQuestion("thesis", "extrema"),
    ThesisQuestion("thesis, after softmax", "extrema", {"gradient": "after"}),
    ThesisQuestion("thesis, mean", "extrema", {"statistic": "mean"}),
    ThesisQuestion(
        "thesis, after softmax, mean", "extrema", {"gradient": "after", "statistic": "mean"}
    ),
    ThesisQuestion("fingerprint", "fingerprint"),
    ThesisQuestion("fingerprint, plain match", "fingerprint", {"match_mixture": False}),
    ThesisQuestion("confidence", "confidence"),
    *(ThesisQuestion(name, name, reference=True) for name in LEARNING),
    *(_by_chance(name, "shuffled responses", shuffled=True) for name in VOICES),
)
OF_RANDOM_WEIGHTS = tuple(_by_chance(name, "random weights") for name in VOICES)


@dataclass(frozen=True)
class ThesisAnswer:
    """One answer for one network, window and class."""

    network: str
    lo: float
    hi: float
    """ScaleEnds."""
    label: str
    kind: str
    """Class, or ``all``."""
    answer: float | None
    kept_accuracy: float | None
    """The network's accuracy at the answer as a share of its best in the window; None without an
    answer, and for random weights."""

    @property
    def member(self) -> Member:
        """The network; its scale is the right answer."""
        return FAMILY[self.network]

    @property
    def octaves(self) -> float:
        """|log2(answer / right scale)|; NaN without an answer."""
        return math.nan if self.answer is None else abs(math.log2(self.answer / self.member.scale))

    @property
    def off(self) -> float:
        """|answer − right scale|; NaN without an answer."""
        return math.nan if self.answer is None else abs(self.answer - self.member.scale)

    @property
    def centred(self) -> bool:
        """Whether the window's middle is close to the right scale."""
        return is_centred((self.lo, self.hi), self.member.scale)


@dataclass(frozen=True)
class Findings:
    """Everything found in one network's responses."""

    network: str
    scales: Array
    """(S,) the grid."""
    sweeps: tuple[Sweep, ...]
    found: tuple[ThesisAnswer, ...]
    weights: dict[str, Array]
    """(20, C) mean gradient by class and channel, ``before`` and ``after`` softmax."""
    accuracy: Array
    """(20, S) share of correctly classified pyramids, by class and scale."""


@dataclass(frozen=True)
class Pools:
    """The responses of one network by class; the last entry holds all classes together."""

    test: tuple[Responses, ...]
    shuffled: tuple[Responses, ...]
    train: tuple[Responses, ...]
    """Responses to training images, cut around the right scale."""

    def between(self, lo: float, hi: float) -> Pools:
        """The same in a narrower window; the training responses stay unchanged."""
        test, chance = (
            tuple(x.between(lo, hi) for x in pool) for pool in (self.test, self.shuffled)
        )
        return Pools(test, chance, self.train)


def find_answers(plan: Plan, name: str) -> Findings:
    """The answers of every estimator for the saved responses of one network."""
    pools = load_pools(plan, name)
    classes = pools.test[:-1]
    accuracy = np.array([right_share(one, kind) for kind, one in enumerate(classes)])
    regret = Regret(np.array(plan.grid.scales), accuracy)
    sweeps: list[Sweep] = []
    found: list[ThesisAnswer] = []
    for window in windows_of(plan.grid, FAMILY[name].scale):
        cut = pools.between(*window)
        sweeps += sweep(name, window, "measured", cut.test[:-1])
        sweeps += sweep(name, window, "shuffled", cut.shuffled[:-1])
        found += ask_everyone(name, window, cut, regret.between(*window))
    layer = extrema.gradient_layer(classes[0], Options()).name
    slopes = {"before": "gradient", "after": "probability_gradient"}
    return Findings(
        name,
        regret.scales,
        tuple(sweeps),
        tuple(found),
        {
            when: np.array([getattr(x.layer(layer), slope).mean(0) for x in classes])
            for when, slope in slopes.items()
        },
        accuracy,
    )


def load_pools(plan: Plan, name: str) -> Pools:
    """The responses of one network, with a shuffled copy of those to the test images."""
    kinds = range(len(FIGURE_CLASSES))
    rng = np.random.default_rng([plan.seed, 9, list(FAMILY).index(name)])
    test = _with_all([load_class(plan, name, "test", kind) for kind in kinds])
    ends = around(FAMILY[name].scale, plan.grid)
    train = _with_all([load_class(plan, name, "train", kind).between(*ends) for kind in kinds])
    chance = _with_all([shuffle_scales(one, rng) for one in test[:-1]])
    return Pools(test, chance, train)


def around(right: float, grid: ScaleGrid) -> tuple[float, float]:
    """The widest window with the right scale at its middle, in octaves.

    References are cut to this window. In the slide's own window, the right scale would lie at the
    same place in both, and an estimator could simply repeat its place in the reference.
    """
    reach = min(right / grid.scales[0], grid.scales[-1] / right)
    return right / reach, right * reach


def _with_all(classes: Sequence[Responses]) -> tuple[Responses, ...]:
    return (*classes, merge(list(classes)))


@dataclass(frozen=True)
class Regret:
    """How much of the network's best accuracy is kept at a scale."""

    scales: Array
    accuracy: Array
    """(20, S)."""

    def between(self, lo: float, hi: float) -> Regret:
        """The same in a narrower window."""
        inside = (self.scales >= lo - 1e-9) & (self.scales <= hi + 1e-9)
        return Regret(self.scales[inside], self.accuracy[:, inside])

    def kept(self, kind: int | None, scale: float | None) -> float | None:
        """Accuracy at the nearest scale ÷ best accuracy; for one class, or for all if None."""
        curve = self.accuracy.mean(axis=0) if kind is None else self.accuracy[kind]
        return kept_share(self.scales, curve, scale)


def ask_everyone(
    name: str, window: ScaleEnds, pools: Pools, regret: Regret
) -> Iterator[ThesisAnswer]:
    """Every estimator's answer for every class and for all together, and the window's centre."""
    names = (*FIGURE_CLASSES, EVERY_CLASS)
    questions = OF_RANDOM_WEIGHTS if FAMILY[name].random else QUESTIONS
    for number, kind in enumerate(names):
        column = None if kind == EVERY_CLASS else number
        answers = {one.label: ask(one, FAMILY[name], pools, number) for one in questions}
        if not FAMILY[name].random:
            answers[CENTRE] = middle(window)
        for label, answer in answers.items():
            kept = None if FAMILY[name].random else regret.kept(column, answer)
            yield ThesisAnswer(name, *window, label, kind, answer, kept)


def ask(question: ThesisQuestion, member: Member, pools: Pools, number: int) -> float | None:
    """One estimator's answer for one entry of the pools; None if it has none."""
    options = dict(question.options)
    if question.reference:
        options["reference"] = Reference(pools.train[number], member.scale)
    responses = (pools.shuffled if question.shuffled else pools.test)[number]
    try:
        score = find_estimator(question.estimator).prepare(responses, Options(**options))
    except Unavailable:
        return None
    return score(np.ones(len(responses.sites))).scale  # type: ignore[no-any-return]
