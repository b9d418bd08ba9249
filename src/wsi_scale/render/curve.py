"""The score over scale on matplotlib axes, with every mark of the report."""

from __future__ import annotations

import math
from functools import partial
from operator import mul
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from wsi_scale.judgement.by_size import RULER
from wsi_scale.render.limits import scale_limits, scale_ticks, score_limits
from wsi_scale.render.sentence import number
from wsi_scale.report import Report
from wsi_scale.slide.resolution import mean_mpp

# Okabe and Ito's palette: distinct for any colour vision
CURVE, ANSWER, VOICE = "#0072B2", "#D55E00", "#009E73"
GREY, INK = "#6b6b6b", "#1a1a1a"


def draw_curve(axes: Axes, report: Report) -> None:
    """Draw the score over scale: band, levels, all estimators' answers, candidates, the answer."""
    scales = np.array(report.curve.scales, float)
    score, low, high = (
        np.array([np.nan if v is None else v for v in values], float)
        for values in (report.curve.score, report.curve.low, report.curve.high)
    )
    axes.set_xscale("log", base=2)
    axes.set_xlim(*scale_limits(report))
    axes.fill_between(scales, low, high, color=CURVE, alpha=0.18, linewidth=0, zorder=2)
    axes.plot(scales, score, color=CURVE, linewidth=1.8, marker=".", markersize=4, zorder=3)
    axes.set_ylim(*score_limits(report.curve.scales, report.curve.score, report.curve.high))
    _label_axes(axes, report)
    _draw_upsampling(axes)
    _draw_levels(axes, report)
    _draw_answer(axes, report)
    _draw_voices(axes, report)
    if not np.isfinite(score).any():
        axes.set_yticks([])
        axes.set_ylabel("")
        by_size = report.estimator == RULER
        axes.text(
            0.5,
            0.5,
            "not measured: it follows from µm/px" if by_size else "nothing could be measured",
            transform=axes.transAxes,
            ha="center",
            va="center",
            color=GREY,
            size=12,
        )


def _label_axes(axes: Axes, report: Report) -> None:
    low, high = axes.get_xlim()
    ticks = scale_ticks(low, high)
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.3g}"))
    axes.set_xlabel("scale: slide pixels per network pixel (larger = coarser)")
    kind = {"recognition": "share of pixels found", RULER: "the network's own score"}
    axes.set_ylabel(kind.get(report.estimator, "score (higher is better)"))
    axes.grid(axis="x", color="#e6e6e6", linewidth=0.7, zorder=0)
    axes.set_axisbelow(True)
    if report.slide.mpp is None:
        return
    mpp = mean_mpp(report.slide.mpp)
    top = axes.secondary_xaxis("top", functions=(partial(mul, mpp), partial(mul, 1 / mpp)))
    top.xaxis.set_major_locator(FixedLocator([tick * mpp for tick in ticks]))
    top.xaxis.set_minor_locator(NullLocator())
    top.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.3g}"))
    top.set_xlabel("µm per network pixel", color=GREY, labelpad=4, size=9)
    top.tick_params(colors=GREY, labelsize=9)


def _draw_upsampling(axes: Axes) -> None:
    """Hatch the scales below 1, where the slide has no more detail."""
    low, high = axes.get_xlim()
    if low >= 1:
        return
    axes.axvspan(
        low,
        min(1.0, high),
        facecolor="#f1f1f1",
        edgecolor="#d4d4d4",
        hatch="///",
        linewidth=0,
        zorder=1,
    )
    if math.log(1 / low) < 0.1 * math.log(high / low):
        return
    axes.text(
        math.sqrt(low),
        0.985,
        "enlarged",
        transform=axes.get_xaxis_transform(),
        ha="center",
        va="top",
        size=8,
        color=GREY,
        zorder=6,
        bbox=_PAPER,
    )


_PAPER: dict[str, Any] = {"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 1.2}


def _draw_levels(axes: Axes, report: Report) -> None:
    """Dashed lines at the stored levels; names are left out where they would overlap."""
    low, high = axes.get_xlim()
    last = -math.inf
    for index, level in enumerate(report.slide.levels):
        if not low <= level.downsample <= high:
            continue
        axes.axvline(level.downsample, color=GREY, linestyle=(0, (4, 3)), linewidth=0.9, zorder=2)
        place = math.log(level.downsample / low) / math.log(high / low)
        if place - last < 0.115:
            continue
        last = place
        flip = place > 0.88
        axes.annotate(
            f"level {index} (×{level.downsample:.4g})",
            (level.downsample, 0.985),
            xycoords=axes.get_xaxis_transform(),
            xytext=(-4 if flip else 4, 0),
            textcoords="offset points",
            ha="right" if flip else "left",
            va="top",
            size=8,
            color=GREY,
            zorder=6,
            bbox=_PAPER,
        )


def _draw_answer(axes: Axes, report: Report) -> None:
    if report.scale is not None and report.scale_interval is not None:
        axes.axvspan(*report.scale_interval, color=ANSWER, alpha=0.16, linewidth=0, zorder=1.5)
    if report.scale is not None:
        axes.axvline(report.scale, color=ANSWER, linewidth=2.2, zorder=4)
    for one in report.candidates:
        axes.plot(
            one.scale,
            one.score,
            marker="D",
            markersize=8,
            color="white",
            markeredgecolor=ANSWER,
            markeredgewidth=1.8,
            zorder=5,
            clip_on=False,
        )
        axes.annotate(
            number(one.scale),
            (one.scale, one.score),
            xytext=(0, 9),
            textcoords="offset points",
            ha="center",
            size=9,
            weight="bold",
            color=ANSWER,
            zorder=6,
            bbox=_PAPER,
        )


def _draw_voices(axes: Axes, report: Report) -> None:
    """Small marks at the bottom for the answers of other estimators, names staggered."""
    low, high = axes.get_xlim()
    answers = [
        (name, scale)
        for name, scale in report.voices.items()
        if scale is not None and low <= scale <= high and name != report.estimator
    ]
    row_ends = [-math.inf, -math.inf, -math.inf]
    for name, scale in sorted(answers, key=lambda answer: answer[1]):
        place = math.log(scale / low) / math.log(high / low)
        width = 0.0105 * len(name) * 0.75
        flip = place + width > 0.98
        start = place - width if flip else place
        row = next((i for i, end in enumerate(row_ends) if start > end + 0.01), None)
        axes.plot(
            scale,
            0,
            marker="^",
            markersize=7,
            color=VOICE,
            transform=axes.get_xaxis_transform(),
            clip_on=False,
            zorder=6,
        )
        if row is None:
            continue
        row_ends[row] = start + width
        axes.annotate(
            name,
            (scale, 0.018 + 0.05 * row),
            xycoords=axes.get_xaxis_transform(),
            xytext=(-6 if flip else 6, 0),
            textcoords="offset points",
            ha="right" if flip else "left",
            va="bottom",
            size=8,
            color="#00694d",
            zorder=6,
            bbox=_PAPER,
        )
