"""The map of where: the slide in small, with the sites in the colours of their own answers."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from wsi_scale.plumbing.colour_ramp import RAMP, ends_of
from wsi_scale.render.canvas import DPI, STYLE, figure_bytes
from wsi_scale.render.curve import ANSWER, GREY, INK
from wsi_scale.render.limits import scale_ticks
from wsi_scale.report import Report
from wsi_scale.sites.overview import Overview

COLOURS = LinearSegmentedColormap.from_list("scales", [tuple(x / 255 for x in c) for c in RAMP])
"""The ramp of ``plumbing.colour_ramp`` for matplotlib."""

_BAR = 0.55
"""Inches for the bar of colours and its label."""


def where_words(report: Report) -> str:
    """What the map shows, in one sentence or two.

    Examples
    --------
    >>> where_words(report)  # doctest: +SKIP
    '46 sites, coloured by the scale that each one alone suggests.'
    """
    count = len(report.sites)
    sites = f"{count} site{'' if count == 1 else 's'}"
    own = sum(site.scale is not None for site in report.sites)
    if own == 0:
        return f"{sites} that were measured; none has a scale of its own in this answer."
    grey = "" if own == count else f" {count - own} that suggest none are grey."
    return f"{sites}, coloured by the scale that each one alone suggests.{grey}"


def where_picture(report: Report, seen: Overview, kind: str = "png") -> bytes:
    """The map alone, as the bytes of a file.

    Parameters
    ----------
    report : Report
        Its sites are drawn.
    seen : Overview
        A small picture of the slide, from ``wsi_scale.sites.overview.take_overview``.
    kind : str
        ``png``, ``pdf`` or ``svg``.
    """
    across, down = _size(seen, 6.0, 6.0)
    bar = _BAR if any(site.scale is not None for site in report.sites) else 0.0
    with rc_context(STYLE):
        figure = Figure(figsize=(across + 0.2, down + bar + 0.2), dpi=DPI, facecolor="white")
        draw_where(figure, report, seen, (0.1, 0.1 + bar, across, down))
        return figure_bytes(figure, kind)


def draw_where(
    figure: Figure, report: Report, seen: Overview, room: tuple[float, float, float, float]
) -> float:
    """The slide and its sites in a part of a figure: left, bottom, width, height in inches, with
    the bar of colours below. Returns the end of what was drawn, inches from the bottom."""
    width, height = figure.get_size_inches()
    left, bottom, wide, high = room
    across, down = _size(seen, wide, high)
    left, top = left + (wide - across) / 2, bottom + high
    axes = figure.add_axes(
        (left / width, (top - down) / height, across / width, down / height), label="where"
    )
    box = seen.box
    axes.imshow(
        seen.picture,
        extent=(box.x, box.x + box.width, box.y + box.height, box.y),
        interpolation="antialiased",
        aspect="auto",
    )
    axes.set(xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set(visible=True, color="#bbbbbb", linewidth=0.8)
    ends = ends_of(site.scale for site in report.sites if site.scale is not None)
    _draw_sites(axes, report, ends)
    if ends is not None:
        place = (left / width, (top - down - 0.2) / height, across / width, 0.1 / height)
        _draw_bar(figure, report, ends, place)
    return top - down - (_BAR if ends is not None else 0.0)


def _size(seen: Overview, wide: float, high: float) -> tuple[float, float]:
    """Width and height in inches of the slide in a room."""
    scale = min(wide / seen.box.width, high / seen.box.height)
    return seen.box.width * scale, seen.box.height * scale


def _draw_sites(axes: Axes, report: Report, ends: tuple[float, float] | None) -> None:
    look: dict[str, Any] = {"s": 34, "edgecolors": "white", "linewidths": 1.1, "zorder": 3}
    known = [site for site in report.sites if site.scale is not None]
    other = [site for site in report.sites if site.scale is None]
    colour = "#7f7f7f" if ends is not None else ANSWER
    axes.scatter([s.x for s in other], [s.y for s in other], color=colour, **look)
    if ends is not None:
        norm = LogNorm(*ends)
        scales = np.array([site.scale for site in known], float)
        places = ([s.x for s in known], [s.y for s in known])
        axes.scatter(*places, c=scales, cmap=COLOURS, norm=norm, **look)


def _draw_bar(
    figure: Figure,
    report: Report,
    ends: tuple[float, float],
    place: tuple[float, float, float, float],
) -> None:
    axes = figure.add_axes(place, label="colours")
    figure.colorbar(ScalarMappable(LogNorm(*ends), COLOURS), cax=axes, orientation="horizontal")
    ticks = [tick for tick in scale_ticks(*ends) if ends[0] <= tick <= ends[1]]
    axes.xaxis.set_major_locator(FixedLocator(ticks if len(ticks) > 1 else list(ends)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.3g}"))
    axes.tick_params(labelsize=8, colors=INK, length=2)
    axes.set_xlabel("each site's own scale", size=8, color=GREY, labelpad=1)
    if report.scale is not None and ends[0] <= report.scale <= ends[1]:
        axes.axvline(report.scale, color=ANSWER, linewidth=2.2)
