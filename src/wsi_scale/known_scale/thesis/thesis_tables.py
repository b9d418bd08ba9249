"""The thesis's tables, as CSV and Markdown, from findings."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from wsi_scale.known_scale.thesis.answers import Findings
from wsi_scale.known_scale.thesis.names import FAMILY
from wsi_scale.known_scale.thesis.sweep_knobs import PERCENT, PERCENTS, SIGMA, SIGMAS, Sweep
from wsi_scale.known_scale.thesis.tally import Tally, tally
from wsi_scale.known_scale.thesis.thesis_windows import WHOLE, ScaleEnds, in_words, middle
from wsi_scale.plumbing.tables import Cell, Table, grid_of, number
from wsi_scale.slide.readers.synthetic import FIGURE_CLASSES


def table_1(findings: Sequence[Findings]) -> Table:
    """Weights of the channels, by class: all networks in the CSV, one network in the Markdown."""
    rows: list[tuple[Cell, ...]] = []
    for each in findings:
        for when, weights in each.weights.items():
            for kind, line in zip(FIGURE_CLASSES, weights, strict=True):
                rows.append((each.network, when, kind, *(float(x) for x in line)))
    most = max(len(row) for row in rows) - 3
    header = ("network", "softmax", "class", *(f"channel {i + 1}" for i in range(most)))
    shown = named(findings, "figures-5-constant")
    parts = []
    for when, weights in shown.weights.items():
        lines = [
            [kind, *(number(float(x), 3) for x in line)]
            for kind, line in zip(FIGURE_CLASSES, weights, strict=True)
        ]
        columns = [str(i + 1) for i in range(weights.shape[1])]
        parts.append(
            f"{shown.network}, gradients {when} softmax\n\n{grid_of(['class', *columns], lines)}"
        )
    padded = tuple((*row, *[None] * (most + 3 - len(row))) for row in rows)
    return Table("table1_weights", header, padded, "\n".join(parts))


def named(findings: Sequence[Findings], network: str) -> Findings:
    """The findings of that network; the first ones if it is not among them."""
    return next((each for each in findings if each.network == network), findings[0])


def tables_2_to_4(each: Findings) -> Table:
    """Squared deviation and counts for σ × P, in both conventions and every window, with chance."""
    header = (
        "network", "lo", "hi", "responses", "gradient", "statistic", "sigma", "keep_percent",
        "squared_deviation", "within_0.5", "within_1", "no_number", *FIGURE_CLASSES,
    )  # fmt: skip
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (
            x.network, *x.window, x.responses, x.gradient, x.statistic, x.sigma, x.keep_percent,
            x.tally.squared_deviation, x.tally.within_half, x.tally.within_one, x.tally.missing,
            *x.answers,
        )
        for x in each.sweeps
    )  # fmt: skip
    parts = []
    for window in dict.fromkeys(x.window for x in each.sweeps):
        for settings in _SHOWN if window == WHOLE else (_SHOWN[0], _SHOWN[-1]):
            what, statistic, gradient = settings
            words = f"{what} responses, {statistic}, gradients {gradient} softmax"
            place = in_words(window, FAMILY[each.network].scale)
            chosen = [
                x
                for x in each.sweeps
                if (x.window, x.responses, x.statistic, x.gradient) == (window, *settings)
            ]
            parts.append(f"{each.network}, window {place}, {words}\n\n{_grid_of_sweep(chosen)}")
    note = "\\* the window's middle is within 1 of the right scale\n"
    return Table(f"tables2-4_{each.network}", header, rows, "\n".join([*parts, note]))


_SHOWN = (
    ("measured", "median", "before"),
    ("measured", "median", "after"),
    ("measured", "mean", "before"),
    ("shuffled", "median", "before"),
)


def _grid_of_sweep(sweeps: Sequence[Sweep]) -> str:
    """Rows: σ, then the window's middle. Columns: P within each of the three measures."""
    tallies = {(x.sigma, x.keep_percent): x.tally for x in sweeps}
    measures = ("squared deviation", "within ±0.5", "within ±1")
    header = ["σ", *(f"{measure}, P = {p}" for measure in measures for p in PERCENTS)]
    lines = [_line(str(sigma), [tallies[sigma, p] for p in PERCENTS]) for sigma in SIGMAS]
    centre = _centre(sweeps[0].window, FAMILY[sweeps[0].network].scale)
    return grid_of(header, [*lines, _line("window centre", [centre] * len(PERCENTS))])


def _line(name: str, row: Sequence[Tally]) -> list[str]:
    return [
        name,
        *(number(x.squared_deviation, 3) for x in row),
        *(str(x.within_half) for x in row),
        *(str(x.within_one) for x in row),
    ]


def _centre(window: ScaleEnds, right: float) -> Tally:
    """The counts for answering the window's middle."""
    return tally([middle(window)] * len(FIGURE_CLASSES), right)


def table_5(findings: Sequence[Findings]) -> Table:
    """Answers for the 20 classes at the thesis's σ and P, by every network and by chance."""
    columns = [x for each in findings for x in each.sweeps if x.as_written]
    names = [x.network + (" (shuffled)" if x.responses == "shuffled" else "") for x in columns]
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (kind, *(x.answers[k] for x in columns)) for k, kind in enumerate(FIGURE_CLASSES)
    )
    shown = [x for x in columns if x.network.endswith("constant")] or columns
    lines = [
        [kind, *(f"{number(x.answers[k], 2)}" for x in shown)]
        for k, kind in enumerate(FIGURE_CLASSES)
    ]
    measures: dict[str, Callable[[Tally], str]] = {
        "squared deviation": lambda x: number(x.squared_deviation, 2),
        "within ±0.5": lambda x: str(x.within_half),
        "within ±1": lambda x: str(x.within_one),
    }
    for title, of in measures.items():
        lines.append([f"**{title}**", *(of(x.tally) for x in shown)])
    heads = [
        f"{FAMILY[x.network].scale:g}" + (" (shuffled)" if x.responses == "shuffled" else "")
        for x in shown
    ]
    markdown = (
        f"σ = {SIGMA}, P = {PERCENT} %, median, before softmax; by right scale\n\n"
        + grid_of(["class", *heads], lines)
    )
    return Table("table5", ("class", *names), rows, markdown)


def table_5_beside_chance(findings: Sequence[Findings]) -> Table:
    """The counts of Table 5 at every training scale, in all conventions, compared with chance."""
    rows: list[tuple[float, str, float, float, int, int]] = []
    for scale in sorted({FAMILY[each.network].scale for each in findings}):
        mine = [x for x in findings if FAMILY[x.network].scale == scale]
        for each in mine:
            chosen = [
                x
                for x in each.sweeps
                if (x.window, x.sigma, x.keep_percent) == (WHOLE, SIGMA, PERCENT)
            ]
            measured = [x for x in chosen if x.responses == "measured"]
            if FAMILY[each.network].random:
                measured = [x for x in measured if x.as_written]
            elif FAMILY[each.network].schedule == "constant":
                measured += [x for x in chosen if x.responses == "shuffled" and x.as_written]
            rows += [(scale, _row_name(x), *_counts(x.tally)) for x in measured]
        rows.append((scale, "chance: window centre", *_counts(_centre(WHOLE, scale))))
    header = ("right_scale", "row", "median_answer", "squared_deviation", "within_0.5", "within_1")
    lines = [
        [row[1], f"{row[0]:g}", number(row[2], 2), number(row[3], 2), str(row[4]), str(row[5])]
        for row in rows
    ]
    head = ["", "right scale", "median answer", "squared deviation", "within ±0.5", "within ±1"]
    markdown = f"σ = {SIGMA}, P = {PERCENT} %, 20 classes\n\n{grid_of(head, lines)}"
    return Table("table5_beside_chance", header, tuple(rows), markdown)


def _row_name(one: Sweep) -> str:
    member = FAMILY[one.network]
    if one.responses == "shuffled":
        return "chance: shuffled responses"
    if member.random:
        return "chance: random weights"
    wide = ", wide" if member.wide else ""
    after = ", after softmax" if one.gradient == "after" else ""
    mean = ", mean" if one.statistic == "mean" else ""
    return f"learning rate {member.schedule}{wide}{after}{mean}"


def _counts(one: Tally) -> tuple[float, float, int, int]:
    return one.median, one.squared_deviation, one.within_half, one.within_one


def accuracy(findings: Sequence[Findings]) -> Table:
    """Share of correctly classified test pyramids, by scale; mean over classes."""
    names = [each.network for each in findings]
    curves = np.array([each.accuracy.mean(axis=0) for each in findings])
    scales = findings[0].scales
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (float(np.round(scale, 6)), *(float(x) for x in curves[:, i]))
        for i, scale in enumerate(scales)
    )
    shown = [i for i, s in enumerate(scales) if abs(s * 2 - round(s * 2)) < 1e-6]
    lines = [[f"{scales[i]:g}", *(f"{x:.0%}" for x in curves[:, i])] for i in shown]
    return Table("accuracy_by_scale", ("scale", *names), rows, grid_of(["scale", *names], lines))
