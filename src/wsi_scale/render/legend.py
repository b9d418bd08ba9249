"""What the marks of a curve mean, in the words that picture and page share."""

from __future__ import annotations

import math
from typing import Any

from matplotlib.figure import Figure
from matplotlib.legend_handler import HandlerTuple
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from wsi_scale.render.curve import ANSWER, CURVE, GREY, VOICE
from wsi_scale.render.limits import scale_limits
from wsi_scale.report import Report


def marks_of(report: Report) -> list[str]:
    """Keys of ``MARKS`` that a report's picture shows, in order."""
    low, high = scale_limits(report)
    shown = []
    if any(value is not None for value in report.curve.score):
        shown.append("curve")
    if report.scale is not None:
        shown.append("answer")
    if any(
        name != report.estimator and scale is not None and low <= scale <= high
        for name, scale in report.voices.items()
    ):
        shown.append("voices")
    if report.candidates:
        shown.append("candidates")
    if any(low <= level.downsample <= high for level in report.slide.levels):
        shown.append("levels")
    if low < 1 and math.log2(1 / low) > 0.1:
        shown.append("enlarged")
    return shown


MARKS: dict[str, tuple[str, str]] = {
    "curve": (
        "score, with its spread",
        "Blue line: the score at each scale; higher is better. Blue band: how far the score moves "
        "when the sites are drawn again.",
    ),
    "answer": (
        "answer, with its interval",
        "Orange line: the answer. Orange band: its interval, which is meant to hold the right "
        "scale.",
    ),
    "voices": (
        "what other methods say",
        "Green triangles: the answer of each other method, and the scale that the metadata "
        "suggest. They need not agree; those that are no evidence are shown all the same.",
    ),
    "candidates": ("candidates", "White diamonds: scales that suit the network about as well."),
    "levels": ("stored levels", "Dashed lines: the resolutions that the slide file stores."),
    "enlarged": (
        "enlarged",
        "Hatched: scales below 1, where the slide would be enlarged and has no more detail.",
    ),
}
"""Each mark in a few words, for the picture, and in a sentence, for the page."""


def write_legend(figure: Figure, report: Report, left: float, top: float) -> None:
    """One line that names the marks. left, top: where it begins, inches from the corner."""
    width, height = figure.get_size_inches()
    looks: dict[str, Any] = {
        "curve": (
            Patch(color=CURVE, alpha=0.18, linewidth=0),
            Line2D([], [], color=CURVE, linewidth=1.8),
        ),
        "answer": (
            Patch(color=ANSWER, alpha=0.16, linewidth=0),
            Line2D([], [], color=ANSWER, linewidth=2.2),
        ),
        "voices": Line2D([], [], color=VOICE, marker="^", linestyle="none", markersize=7),
        "candidates": Line2D(
            [], [], color="white", marker="D", markeredgecolor=ANSWER, linestyle="none"
        ),
        "levels": Line2D([], [], color=GREY, linestyle=(0, (3, 2)), linewidth=0.9),
        "enlarged": Patch(facecolor="#f1f1f1", edgecolor="#b0b0b0", hatch="///", linewidth=0),
    }
    shown = marks_of(report)
    if not shown:
        return
    figure.legend(
        [looks[key] for key in shown],
        [MARKS[key][0] for key in shown],
        loc="upper left",
        bbox_to_anchor=(left / width, 1 - top / height),
        borderaxespad=0,
        ncols=len(shown),
        frameon=False,
        fontsize=8,
        labelcolor=GREY,
        handlelength=1.6,
        columnspacing=1.4,
        handler_map={tuple: HandlerTuple(ndivide=1, pad=0)},
    )
