"""The picture of a network at work: one place at three scales, and the channels that tell."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from wsi_scale.pipeline.explain.explanation import (
    ExcitedPatch,
    Explanation,
    ScaleView,
    TellingChannel,
)
from wsi_scale.pipeline.strip import OUTLINE, draw_outline
from wsi_scale.plumbing.files import write_atomically
from wsi_scale.render.canvas import DPI, STYLE, figure_bytes
from wsi_scale.render.curve import ANSWER, CURVE, GREY, INK
from wsi_scale.render.figure import check_suffix, plain, write_title
from wsi_scale.render.inside_words import (
    caption,
    channel_words,
    scale_words,
    share_words,
)
from wsi_scale.render.limits import scale_ticks
from wsi_scale.render.sentence import number
from wsi_scale.report import Report

WIDTH = 10.0
"""Inches, as all lengths here."""

_LEFT, _SIDE, _GAP = 0.2, 1.52, 0.11
_CAPTION, _LINE = 4.2, 0.165
_CHANNELS_LEFT, _CURVE_WIDTH, _ROW = 5.62, 1.62, 1.2
_THUMB, _THUMB_GAP, _THUMBS_LEFT = 0.76, 0.09, 7.4
_YELLOW = tuple(value / 255 for value in OUTLINE)


def draw_explanation(
    report: Report, explanation: Explanation, path: str | os.PathLike[str]
) -> None:
    """Write one figure of what the network saw, completely or not at all.

    Parameters
    ----------
    report : Report
        The report of the run.
    explanation : Explanation
        From ``look_inside``, of the same run.
    path : path
        File to write; its suffix, .png, .pdf or .svg, gives the format.

    Raises
    ------
    OutputError
        When the suffix is another one, or the file cannot be written.

    Examples
    --------
    >>> draw_explanation(report, explanation, "inside.pdf")  # doctest: +SKIP
    """
    kind = check_suffix(path)
    write_atomically(path, render_explanation(report, explanation, kind=kind))


def render_explanation(report: Report, explanation: Explanation, *, kind: str = "png") -> bytes:
    """The figure as the bytes of a file; ``kind`` is png, pdf or svg."""
    with rc_context(STYLE):
        # the title is written twice, because only writing it tells its height
        title = write_title(Figure(figsize=(WIDTH, 6)), report, "looking inside · ")
        lines = [part for line in caption(explanation) for part in textwrap.wrap(line, 154)]
        height = title + _CAPTION + _LINE * len(lines) + 0.12
        figure = Figure(figsize=(WIDTH, height), dpi=DPI, facecolor="white")
        write_title(figure, report, "looking inside · ")
        page = _Page(figure, title)
        _draw_views(page, explanation, report)
        _draw_channels(page, explanation)
        for i, line in enumerate(lines):
            page.text(_LEFT, _CAPTION + i * _LINE, line, size=8.5, color=GREY)
        return figure_bytes(figure, kind)


class _Page:
    """A figure measured in inches from its left edge and from the end of its title."""

    def __init__(self, figure: Figure, title: float) -> None:
        self._figure, self._title = figure, title
        self._width, self._height = (float(size) for size in figure.get_size_inches())

    def text(self, x: float, y: float, words: str, **how: Any) -> None:
        """Words whose top lies at y."""
        place = x / self._width, 1 - (self._title + y) / self._height
        self._figure.text(*place, plain(words), **{"va": "top", **how})

    def axes(self, x: float, y: float, width: float, height: float) -> Axes:
        """Axes whose top lies at y."""
        bottom = 1 - (self._title + y + height) / self._height
        box = (x / self._width, bottom, width / self._width, height / self._height)
        return self._figure.add_axes(box)


def _draw_views(page: _Page, found: Explanation, report: Report) -> None:
    """The patches of one place, and below each the map of the target's score."""
    page.text(_LEFT, 0, "One place at three scales", weight="bold", size=10.5)
    for i, view in enumerate(found.views):
        left = _LEFT + i * (_SIDE + _GAP)
        middle = left + _SIDE / 2
        colour = ANSWER if view.is_answer else INK
        weight = "bold" if view.is_answer else "normal"
        first, second = scale_words(view, found, report)
        centred = partial(page.text, middle, ha="center")
        centred(0.25, first, size=9.5, color=colour, weight=weight)
        centred(0.42, second, size=8.5, color=GREY)
        _show_patch(page.axes(left, 0.62, _SIDE, _SIDE), view)
        _show_map(page.axes(left, 0.62 + _SIDE + _GAP, _SIDE, _SIDE), view)
        centred(0.62 + 2 * _SIDE + _GAP + 0.07, share_words(view, found), size=8.5)


def _show_patch(axes: Axes, view: ScaleView) -> None:
    picture = view.patch if view.found is None else draw_outline(view.patch, view.found)
    axes.imshow(picture, interpolation="antialiased", aspect="auto")
    _frame(axes, view.is_answer)


def _show_map(axes: Axes, view: ScaleView) -> None:
    """The patch in grey under the map; dark where nothing comes from, bright where most does."""
    grey = 110 + view.patch.mean(axis=2) * 145 / 255  # pale, so that it does not darken the map
    extent = (0, 1, 1, 0)
    axes.imshow(grey, cmap="gray", vmin=0, vmax=255, extent=extent, aspect="auto")
    if view.heat is not None:
        axes.imshow(
            view.heat,
            cmap="inferno",
            vmin=0,
            vmax=1,
            alpha=0.4 + 0.45 * view.heat,  # some of the patch stays visible everywhere
            interpolation="bilinear",
            extent=extent,
            aspect="auto",
        )
        if not view.heat.any():
            axes.text(0.5, 0.5, "no part speaks for it", ha="center", color="white", size=8.5)
    axes.set(xlim=(0, 1), ylim=(1, 0))
    _frame(axes, view.is_answer)


def _frame(axes: Axes, chosen: bool, width: float = 3) -> None:
    axes.set(xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set(visible=True, color=ANSWER if chosen else "#bbbbbb")
        spine.set_linewidth(width if chosen else 0.8)


def _draw_channels(page: _Page, found: Explanation) -> None:
    """One row for each channel: its curve, and the patches that excite it."""
    page.text(
        _CHANNELS_LEFT - 0.42, 0, "Channels that tell these scales apart", weight="bold", size=10.5
    )
    if not found.channels:
        page.text(_CHANNELS_LEFT - 0.42, 0.3, f"none: {found.why_no_channels}", color=GREY, size=9)
        return
    near = "orange: nearest to the scale found"
    if any(patch.is_answer for channel in found.channels for patch in channel.patches):
        page.text(_THUMBS_LEFT, 0.37, near, size=7, color=ANSWER)
    page.text(_CHANNELS_LEFT, 0.25, "response over scale", size=8.5, color=GREY)
    page.text(_THUMBS_LEFT, 0.25, "patches that excite it most", size=8.5, color=GREY)
    for i, channel in enumerate(found.channels):
        top = 0.45 + i * _ROW
        name, weight = channel_words(channel, found.way)
        page.text(_CHANNELS_LEFT - 0.42, top, name, size=8.5)
        page.text(WIDTH - 0.15, top, weight, size=8.5, ha="right")
        axes = page.axes(_CHANNELS_LEFT, top + 0.2, _CURVE_WIDTH, _THUMB)
        _draw_response(axes, channel, found)
        for k, patch in enumerate(channel.patches):
            left = _THUMBS_LEFT + k * (_THUMB + _THUMB_GAP)
            _show_excited(page.axes(left, top + 0.2, _THUMB, _THUMB), patch)


def _draw_response(axes: Axes, channel: TellingChannel, found: Explanation) -> None:
    """A channel's curve with the three scales; dashed: its value in training."""
    axes.set_xscale("log", base=2)
    low, high = float(found.scales[0]) / 1.06, float(found.scales[-1]) * 1.06
    axes.set_xlim(low, high)
    for view in found.views:
        look: dict[str, Any] = {"color": "#bbbbbb", "linewidth": 1.0, "linestyle": (0, (2, 2))}
        if view.is_answer:
            look = {"color": ANSWER, "linewidth": 1.8}
        axes.axvline(view.scale, zorder=1, **look)
    if channel.trained is not None:
        axes.axhline(channel.trained, color=GREY, linewidth=0.9, linestyle=(0, (4, 3)), zorder=1.5)
    known = np.isfinite(channel.curve)
    scales = found.scales[known]
    axes.fill_between(
        scales, channel.low[known], channel.high[known], color=CURVE, alpha=0.18, linewidth=0
    )
    axes.plot(scales, channel.curve[known], color=CURVE, linewidth=1.6, marker=".", markersize=3.5)
    axes.xaxis.set_major_locator(FixedLocator(_few(scale_ticks(low, high))))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.3g}"))
    axes.yaxis.set_major_locator(MaxNLocator(3))
    axes.tick_params(labelsize=7.5, length=2.5, pad=1.5, colors=GREY)


def _few(ticks: Sequence[float]) -> list[float]:
    """At most six ticks, evenly spread."""
    return list(ticks[:: -(-len(ticks) // 6)])


def _show_excited(axes: Axes, excited: ExcitedPatch) -> None:
    """A patch, with a yellow line around the tenth of it where the channel responds most."""
    side = len(excited.patch)
    axes.imshow(
        excited.patch, interpolation="antialiased", aspect="auto", extent=(0, side, side, 0)
    )
    if excited.where is not None:
        where = excited.where.repeat(8, axis=0).repeat(8, axis=1)  # cells with corners
        rows, columns = where.shape
        x, y = ((np.arange(count) + 0.5) * side / count for count in (columns, rows))
        for line, colour in ((1.8, INK), (0.9, _YELLOW)):
            axes.contour(x, y, where.astype(float), [0.5], colors=[colour], linewidths=line)
    axes.set(xlim=(0, side), ylim=(side, 0))
    _frame(axes, excited.is_answer, width=2.4)
    colour, weight = (ANSWER, "bold") if excited.is_answer else (INK, "normal")
    axes.set_xlabel(number(excited.scale), size=7.5, labelpad=2.5, color=colour, weight=weight)
