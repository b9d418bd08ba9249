"""The test the thesis did not make: every estimator, every training scale, windows shifted."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from wsi_scale.known_scale.evaluate.spread import median_interval
from wsi_scale.known_scale.thesis.answers import EVERY_CLASS, ThesisAnswer
from wsi_scale.known_scale.thesis.tally import SLACK, tally
from wsi_scale.known_scale.thesis.thesis_windows import in_words
from wsi_scale.plumbing.tables import Cell, Table, grid_of, number


def table_of_answers(found: Sequence[ThesisAnswer]) -> Table:
    """Every single answer; the table is too long to read as Markdown."""
    header = ("network", "right_scale", "lo", "hi", "estimator", "class", "answer", "octaves")
    rows = tuple(
        (
            x.network, x.member.scale, x.lo, x.hi, x.label, x.kind, x.answer, x.octaves,
            x.kept_accuracy,
        )
        for x in found
    )  # fmt: skip
    return Table("answers", (*header, "kept_accuracy"), rows, f"{len(rows)} answers\n")


def cells(found: Sequence[ThesisAnswer]) -> Table:
    """One row per network, window and estimator: Table 5's counts with windows shifted."""
    groups: dict[tuple[str, float, float, str], list[ThesisAnswer]] = {}
    for one in found:
        groups.setdefault((one.network, one.lo, one.hi, one.label), []).append(one)
    header = (
        "network", "right_scale", "lo", "hi", "centred", "estimator", "all_classes_together",
        "median_answer", "squared_deviation", "within_0.5", "within_1", "no_number",
    )  # fmt: skip
    rows = []
    for (network, lo, hi, label), members in groups.items():
        single = [x for x in members if x.kind != EVERY_CLASS]
        (together,) = (x.answer for x in members if x.kind == EVERY_CLASS)
        right = single[0].member.scale
        count = tally([x.answer for x in single], right)
        rows.append(
            (
                network, right, lo, hi, int(single[0].centred), label, together, count.median,
                count.squared_deviation, count.within_half, count.within_one, count.missing,
            )
        )  # fmt: skip
    lines = [
        [
            f"{row[5]}", f"{row[1]:g}", in_words((row[2], row[3]), row[1]),
            number(row[6], 2), number(row[7], 2), number(row[8], 1), *map(str, row[9:]),
        ]
        for row in rows
    ]  # fmt: skip
    parts = []
    for network in dict.fromkeys(row[0] for row in rows):
        mine = [line for line, row in zip(lines, rows, strict=True) if row[0] == network]
        head = [
            "estimator", "right scale", "window", "all classes together", "median over classes",
            "squared deviation", "within ±0.5", "within ±1", "no number",
        ]  # fmt: skip
        parts.append(f"{network}\n\n{grid_of(head, mine)}")
    note = "\\* the window's middle is within 1 of the right scale\n"
    return Table("shifted_windows", header, tuple(rows), "\n".join([*parts, note]))


_LEFT_OUT = """\
Left out are windows whose middle is within 1 of the right scale, and the wide networks. Right
scales 1.5 and 5 have two windows that count, the others one.
"""


def summary(found: Sequence[ThesisAnswer]) -> Table:
    """Every estimator over all windows whose middle is not the answer."""
    header = (
        "trained", "asked", "estimator", "answers", "no_number", "median_octaves", "low", "high",
        "within_0.5", "within_1", "within_10_percent", "within_25_percent", "kept_accuracy",
    )  # fmt: skip
    rows: list[tuple[Cell, ...]] = []
    for schedule in ("constant", "decayed"):
        for asked in ("one class", "all together"):
            fair = [
                x
                for x in found
                if not x.centred
                and not x.member.wide
                and (x.member.random or x.member.schedule == schedule)
                and (x.kind == EVERY_CLASS) == (asked == "all together")
            ]
            for label in dict.fromkeys(x.label for x in fair):
                mine = [x for x in fair if x.label == label]
                rows.append((schedule, asked, label, *_measures(mine)))
    parts = []
    for group in dict.fromkeys(row[:2] for row in rows):
        lines = [_line(row) for row in rows if row[:2] == group]
        head = [
            "estimator", "median error, octaves [90 %]", "within ±0.5", "within ±1",
            "within 10 %", "within 25 %", "no number", "accuracy kept",
        ]  # fmt: skip
        parts.append(f"learning rate {group[0]}, {group[1]}\n\n{grid_of(head, lines)}")
    return Table("summary", header, tuple(rows), "\n".join([*parts, _LEFT_OUT]))


def _measures(answers: Sequence[ThesisAnswer]) -> tuple[Cell, ...]:
    """The summary's columns from ``answers`` to ``kept_accuracy``."""
    octaves = np.array([x.octaves for x in answers])
    known = octaves[np.isfinite(octaves)]
    kept = [x.kept_accuracy for x in answers if x.kept_accuracy is not None]
    if len(known) == 0:
        return (len(answers), len(answers), *[None] * 8)
    off = np.array([x.off for x in answers])
    low, high = _bootstrap(answers)
    shares = (
        off <= 0.5 + SLACK,
        off <= 1 + SLACK,
        octaves <= math.log2(1.1),
        octaves <= math.log2(1.25),
    )
    return (
        len(answers),
        len(answers) - len(known),
        float(np.median(known)),
        low,
        high,
        *(float(np.mean(share)) for share in shares),
        float(np.mean(kept)) if kept else None,
    )


def _bootstrap(answers: Sequence[ThesisAnswer]) -> tuple[float, float]:
    """90 % interval of the median error, by drawing networks with replacement: the classes and
    windows of one network share their responses and err together."""
    networks: dict[str, list[float]] = {}
    for x in answers:
        if x.answer is not None:
            networks.setdefault(x.network, []).append(x.octaves)
    return median_interval(networks)


def _line(row: tuple[Cell, ...]) -> list[str]:
    count, missing, median, low, high, *shares, kept = row[3:]
    if median is None:
        return [str(row[2]), *["–"] * 5, f"{missing} of {count}", "–"]
    return [
        str(row[2]),
        f"{median:.3f} [{low:.3f}, {high:.3f}]",
        *(f"{share:.0%}" for share in shares),
        f"{missing} of {count}",
        "–" if kept is None else f"{kept:.0%}",
    ]
