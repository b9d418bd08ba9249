"""Every estimator's answers from the saved responses of one slide; without torch."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from wsi_scale.errors import SettingsError
from wsi_scale.estimators import all_estimators, find_estimator
from wsi_scale.estimators.profile import NAME as PROFILE
from wsi_scale.judgement.estimate import Estimate, estimate
from wsi_scale.judgement.repeats import places_of
from wsi_scale.known_scale.evaluate.accuracy_kept import kept_share, right_share
from wsi_scale.known_scale.evaluate.bench import (
    BY_CHANCE,
    DICE,
    RESPONSES,
    Bench,
    Measured,
    number_of,
)
from wsi_scale.known_scale.evaluate.chance import shuffle_scales
from wsi_scale.known_scale.evaluate.manifest import Row
from wsi_scale.known_scale.evaluate.mask import Overlap
from wsi_scale.known_scale.evaluate.sweep_options import Setting, in_words
from wsi_scale.known_scale.evaluate.windows import ScaleWindow
from wsi_scale.plumbing.arrays import Array
from wsi_scale.responses.record import Responses

MEASURED, SHUFFLED, RANDOM = "measured", "shuffled", "random weights"
"""Kinds of responses; the last two are chance."""

CENTRE = "window centre"
"""Used in place of an estimator's name; this answer needs no measurement."""

UNAVAILABLE = "unavailable"
"""Used in place of a verdict if the responses lack what the estimator needs."""


@dataclass(frozen=True)
class BenchQuestion:
    """One estimator with one setting and one kind of responses."""

    estimator: str
    setting: Setting = field(default_factory=dict)
    responses: str = MEASURED
    """MEASURED, SHUFFLED, RANDOM, or ``none`` for the window's centre."""


@dataclass(frozen=True)
class Said:
    """One estimator's answer and its verdict."""

    by: str
    """The estimator that answered; for ``auto``, the one that it followed."""
    says: float | None
    """The scale, whatever the verdict; None without an answer."""
    interval: tuple[float, float] | None
    """90 % interval; None if the verdict gives no number."""
    verdict: str
    has_number: bool
    """Whether the verdict gives a number."""
    seconds: float


@dataclass(frozen=True)
class BenchAnswer:
    """One answer for one slide in one window."""

    row: Row
    truth: float
    window: ScaleWindow
    question: BenchQuestion
    voice: Said
    kept: float | None
    """Accuracy, or Dice, at the answer as a share of the best in the window; None if unknown."""
    patches: int
    """Number of patches in the window."""

    @property
    def octaves(self) -> float:
        """|log2(answer / truth)|; NaN without an answer."""
        return math.nan if self.voice.says is None else abs(math.log2(self.voice.says / self.truth))

    @property
    def holds(self) -> bool | None:
        """Whether the interval holds the truth; None without an interval."""
        ends = self.voice.interval
        return None if ends is None else ends[0] <= self.truth <= ends[1]

    @property
    def width(self) -> float:
        """Width of the interval in octaves; NaN without one."""
        ends = self.voice.interval
        return math.nan if ends is None else math.log2(ends[1] / ends[0])


def list_questions(
    estimators: Sequence[str] | None,
    sweeps: Sequence[tuple[str, Setting]],
    *,
    profile: bool = False,
) -> tuple[BenchQuestion, ...]:
    """Each estimator, its swept settings, and the same by chance.

    estimators: names, which may include ``auto``; None: auto and all that need no reference.
    profile: whether a profile is given.
    Raises SettingsError for an unknown estimator, and for one without what it learns from.

    >>> questions = list_questions(["fingerprint"], [("extrema", {"sigma": 7.0})])
    >>> [(x.estimator, x.responses) for x in questions][::3]
    [('fingerprint', 'measured'), ('extrema', 'shuffled'), ('window centre', 'none')]
    """
    names = ["auto", *(name for name in all_estimators() if _can_work(name, profile))]
    for name in estimators or ():
        if name != "auto" and find_estimator(name) and name not in names:
            lacks = (
                "needs a profile; name it with --profile"
                if name == PROFILE
                else "learns from images whose right scale is known, which a bench does not "
                f"provide; choose from {', '.join(names)}"
            )
            raise SettingsError(f"estimator {name} {lacks}")
    for name, _ in sweeps:
        if name not in names:
            raise SettingsError(f"estimator {name} learns from images and cannot be swept here")
    plain: list[tuple[str, Setting]] = [(x, {}) for x in dict.fromkeys(estimators or names)]
    asked = [*plain, *sweeps]
    return (
        *(BenchQuestion(name, setting) for name, setting in asked),
        *(BenchQuestion(name, setting, SHUFFLED) for name, setting in asked),
        *(BenchQuestion(name, setting, RANDOM) for name, setting in asked),
        BenchQuestion(CENTRE, {}, "none"),
    )


def _can_work(name: str, profile: bool) -> bool:
    """Whether an estimator can work here: it learns nothing, or its profile is given."""
    return profile if name == PROFILE else not getattr(find_estimator(name), "LEARNS", False)


def find_answers(
    bench: Bench, row: Row, measured: Measured, questions: Sequence[BenchQuestion]
) -> list[BenchAnswer]:
    """The answer to every question in every window, from the saved responses of one slide."""
    trained = Responses.load(bench.file(row, RESPONSES))
    untrained = Responses.load(bench.file(row, BY_CHANCE))
    result = _result(bench, row, trained)
    out: list[BenchAnswer] = []
    for number, window in enumerate(bench.fair(row, measured.truth, trained.grid)):
        seen = cut(trained, window)
        rng = np.random.default_rng([bench.seed, 9, number_of(row), number])
        pools = {
            MEASURED: seen,
            SHUFFLED: shuffle_scales(seen, rng),
            RANDOM: cut(untrained, window),
        }
        scales = np.array(trained.grid.scales)
        inside = (scales >= window.lo - 1e-9) & (scales <= window.hi + 1e-9)
        for question, voice in ask_all(questions, pools, window, bench):
            kept = None
            if result is not None and question.responses != RANDOM:
                kept = kept_share(scales[inside], result[inside], voice.says)
            patches = len(seen.entropy) if question.responses != "none" else 0
            out.append(BenchAnswer(row, measured.truth, window, question, voice, kept, patches))
    return out


def cut(responses: Responses, window: ScaleWindow) -> Responses:
    """The responses in a window, without the sites that have no patch in it."""
    inside = responses.between(window.lo, window.hi)
    return inside.of_sites(np.unique(inside.site_index).tolist())


def _result(bench: Bench, row: Row, responses: Responses) -> Array | None:
    """(S,) the network's accuracy or Dice at every measured scale; None if it is not known."""
    if row.kind is not None:
        return right_share(responses, responses.classes.index(row.kind))
    if row.mask is not None:
        return Overlap.load(bench.file(row, DICE)).dice(np.array(responses.grid.scales))
    return None


def ask_all(
    questions: Sequence[BenchQuestion],
    pools: dict[str, Responses],
    window: ScaleWindow,
    bench: Bench,
) -> Iterator[tuple[BenchQuestion, Said]]:
    """Every question with its answer; nothing is computed twice.

    Without a profile, the estimator that ``auto`` followed is not run again either. With one, it
    is, because a verdict of ``auto`` may come from two estimators that contradict each other.
    """
    known: dict[tuple[str, str, str], Said] = {}
    for question in questions:
        if question.estimator == CENTRE:
            yield question, Said(CENTRE, window.middle, None, "", True, 0.0)
            continue
        key = (question.responses, question.estimator, in_words(question.setting))
        if key not in known:
            known[key] = ask(question, pools[question.responses], bench)
            if not question.setting and bench.learnt is None:
                known[question.responses, known[key].by, ""] = known[key]
        yield question, known[key]


def ask(question: BenchQuestion, responses: Responses, bench: Bench) -> Said:
    """One estimator's answer, with its verdict."""
    started = time.monotonic()
    try:
        answer: Estimate = estimate(
            responses,
            estimator=question.estimator,
            options=bench.options(question.setting),
            seed=bench.seed,
            places=places_of(responses),
        )
    except SettingsError:  # names and options are valid, so it cannot work on this network
        return Said(question.estimator, None, None, UNAVAILABLE, False, 0.0)
    return Said(
        by=answer.estimator,
        says=answer.voices[answer.estimator],
        interval=answer.interval,
        verdict=answer.verdict,
        has_number=answer.scale is not None,
        seconds=time.monotonic() - started,
    )
