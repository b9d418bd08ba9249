"""The tables of a bench: each estimator compared with chance, every answer, and the times."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from wsi_scale.known_scale.evaluate.ask_estimators import (
    CENTRE,
    RANDOM,
    SHUFFLED,
    BenchAnswer,
    BenchQuestion,
)
from wsi_scale.known_scale.evaluate.bench import Measured
from wsi_scale.known_scale.evaluate.chance import CENTRE as CENTRE_BY_CHANCE
from wsi_scale.known_scale.evaluate.manifest import Row
from wsi_scale.known_scale.evaluate.spread import median_interval
from wsi_scale.known_scale.evaluate.sweep_options import in_words
from wsi_scale.plumbing.tables import Cell, Table, grid_of, number

COLUMNS = (
    "estimator", "setting", "responses", "slides", "groups", "answers", "silent",
    "median_octaves", "low", "high", "within_10_percent", "within_25_percent", "no_number",
    "not_ok", "ok_answers", "ok_median_octaves", "interval_coverage", "interval_octaves",
    "kept_accuracy", "kept_dice", "patches",
)  # fmt: skip

HEAD = (
    "estimator", "answers", "median error, octaves [90 %]", "within 10 %", "within 25 %",
    "no number", "not ok", "median error of the ok", "intervals that hold the truth",
    "their width, octaves", "accuracy kept", "Dice kept", "patches",
)  # fmt: skip


def table_of_answers(found: Sequence[BenchAnswer]) -> Table:
    """Every single answer; the table is too long to read as Markdown."""
    header = (
        "slide", "group", "truth", "lo", "hi", "estimator", "setting", "responses", "by", "answer",
        "low", "high", "verdict", "octaves", "kept", "patches",
    )  # fmt: skip
    rows = tuple(
        (
            x.row.slide, x.row.block, x.truth, x.window.lo, x.window.hi, *_words(x.question),
            x.voice.by, x.voice.says, *(x.voice.interval or (None, None)), x.voice.verdict,
            x.octaves, x.kept, x.patches,
        )
        for x in found
    )  # fmt: skip
    return Table("answers", header, rows, f"{len(rows)} answers\n")


def summary(found: Sequence[BenchAnswer], notes: Iterable[str]) -> Table:
    """One row per estimator and setting, and per kind of chance.

    notes: sentences to print below the table.
    """
    rows, lines = [], []
    for question, mine in by_question(found):
        values = measures(mine)
        rows.append((*_words(question), *values.values()))
        lines.append([label(question), *_line(values)])
    text = grid_of(HEAD, lines) + "".join(f"\n{note}\n" for note in notes)
    return Table("summary", COLUMNS, tuple(rows), text)


def by_question(found: Sequence[BenchAnswer]) -> list[tuple[BenchQuestion, list[BenchAnswer]]]:
    """Every question once, with its answers, in the order of the answers."""
    groups: dict[tuple[str, str, str], list[BenchAnswer]] = {}
    for one in found:
        groups.setdefault(_words(one.question), []).append(one)
    return [(mine[0].question, mine) for mine in groups.values()]


def label(question: BenchQuestion) -> str:
    """``extrema, sigma=7``; ``chance: fingerprint on random weights``."""
    name, setting, responses = _words(question)
    if name == CENTRE:
        return CENTRE_BY_CHANCE
    words = ", ".join(filter(None, (name, setting)))
    on = {SHUFFLED: "shuffled responses", RANDOM: "random weights"}
    return f"chance: {words} on {on[responses]}" if responses in on else words


def measures(answers: Sequence[BenchAnswer]) -> dict[str, Cell]:
    """The summary's columns from ``slides`` to ``patches``, from at least one answer.

    Shares are of all answers: a missing answer is neither within 10 % nor within 25 %.
    """
    octaves = np.array([x.octaves for x in answers])
    said = np.isfinite(octaves)
    voices = [x.voice for x in answers]
    judged = any(voice.verdict for voice in voices)
    fine = octaves[said & np.array([voice.verdict == "ok" for voice in voices])]
    holds = [x.holds for x in answers if x.holds is not None]
    blocks: dict[str, list[float]] = {}
    for x in answers:
        if x.voice.says is not None:
            blocks.setdefault(x.row.block, []).append(x.octaves)
    low, high = median_interval(blocks) if len(blocks) > 1 else (None, None)
    return {
        "slides": len({x.row.slide for x in answers}),
        "groups": len({x.row.block for x in answers}),
        "answers": len(answers),
        "silent": int((~said).sum()),
        "median_octaves": _median(octaves[said]),
        "low": low,
        "high": high,
        "within_10_percent": float(np.mean(octaves <= math.log2(1.1))),
        "within_25_percent": float(np.mean(octaves <= math.log2(1.25))),
        "no_number": float(np.mean([not x.has_number for x in voices])) if judged else None,
        "not_ok": float(np.mean([x.verdict != "ok" for x in voices])) if judged else None,
        "ok_answers": len(fine) if judged else None,
        "ok_median_octaves": _median(fine),
        "interval_coverage": float(np.mean(holds)) if holds else None,
        "interval_octaves": _median([x.width for x in answers if x.holds is not None]),
        "kept_accuracy": _mean(x.kept for x in answers if x.row.kind is not None),
        "kept_dice": _mean(x.kept for x in answers if x.row.mask is not None),
        "patches": _median([x.patches for x in answers]),
    }


def times(found: Sequence[BenchAnswer], measured: dict[str, Measured]) -> Table:
    """Median seconds of each estimator: per slide to measure, per answer to estimate."""
    header = ("estimator", "setting", "responses", "seconds_measuring", "seconds_estimating")
    rows: list[tuple[Cell, ...]] = []
    lines = []
    for question, mine in by_question(found):
        asking = _median([_seconds(x.row, question, measured) for x in mine])
        estimating = _median([x.voice.seconds for x in mine])
        rows.append((*_words(question), asking, estimating))
        lines.append([label(question), number(asking, 1), number(estimating, 2)])
    head = ("estimator", "measuring a slide, s", "estimating, s")
    return Table("times", header, tuple(rows), grid_of(head, lines))


def _seconds(row: Row, question: BenchQuestion, measured: dict[str, Measured]) -> float:
    if question.estimator == CENTRE:
        return 0.0
    note = measured[row.slide]
    return note.random_seconds if question.responses == RANDOM else note.seconds


def _words(question: BenchQuestion) -> tuple[str, str, str]:
    return question.estimator, in_words(question.setting), question.responses


def _median(values: Iterable[float]) -> float | None:
    known = list(values)
    return float(np.median(known)) if known else None


def _mean(values: Iterable[float | None]) -> float | None:
    known = [x for x in values if x is not None]
    return float(np.mean(known)) if known else None


def _line(values: dict[str, Cell]) -> list[str]:
    """The cells for ``HEAD`` after the first."""
    median = "–"
    if values["median_octaves"] is not None:
        median = _number(values["median_octaves"], 3)
    if values["low"] is not None:
        median += f" [{_number(values['low'], 3)}, {_number(values['high'], 3)}]"
    ok = f"{_number(values['ok_median_octaves'], 3)} ({values['ok_answers']})"
    return [
        str(values["answers"]),
        median,
        *(_share(values[x]) for x in COLUMNS[10:14]),
        ok if values["ok_answers"] else "–",
        _share(values["interval_coverage"]),
        _number(values["interval_octaves"], 2),
        _share(values["kept_accuracy"]),
        _share(values["kept_dice"]),
        _number(values["patches"], 0),
    ]


def _number(value: Cell, digits: int) -> str:
    return "–" if value is None else number(float(value), digits)


def _share(value: Cell) -> str:
    return "–" if value is None else f"{float(value):.0%}"
