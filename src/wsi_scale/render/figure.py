"""The answer as one picture: the score over scale, and what the network saw."""

from __future__ import annotations

import math
import os
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure
from numpy.typing import NDArray

from wsi_scale.errors import OutputError
from wsi_scale.pipeline.strip import is_outlined
from wsi_scale.plumbing.files import write_atomically
from wsi_scale.render.canvas import DPI, STYLE, figure_bytes, known_glyphs_or_boxes
from wsi_scale.render.curve import ANSWER, GREY, INK, draw_curve
from wsi_scale.render.legend import write_legend
from wsi_scale.render.sentence import headline, number
from wsi_scale.render.where import draw_where, where_words
from wsi_scale.report import Report
from wsi_scale.sites.overview import Overview

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from wsi_scale.geometry import Site

Strip = Sequence[tuple[float, NDArray[np.uint8]]]
"""(scale, patch) pairs; patches (h, w, 3) uint8, in the order in which they are shown."""

FORMATS = ("png", "pdf", "svg")
MOST_PATCHES = 8

WIDTH = 10.0
"""Inches, without the map of where."""

_LEFT, _ACROSS, _MAP = 0.75, 8.95, 3.6
"""Inches: left edge and width of curve and strip; what the map of where adds."""


def draw_estimate(
    report: Report,
    strip: Strip,
    path: str | os.PathLike[str],
    *,
    site: Site | None = None,
    seen: Overview | None = None,
) -> None:
    """Write one figure of the estimate, completely or not at all.

    Parameters
    ----------
    report : Report
        The report of one run.
    strip : sequence of (float, ndarray)
        About seven scales with their patches, (h, w, 3) uint8, as the network saw them. May be
        empty.
    path : path
        File to write; its suffix, .png, .pdf or .svg, gives the format.
    site : Site, optional
        Where the patches were cut; named in the caption.
    seen : Overview, optional
        A small picture of the slide; the sites are drawn on it.

    Raises
    ------
    OutputError
        When the suffix is another one, or the file cannot be written.

    Examples
    --------
    >>> draw_estimate(report, [], "estimate.pdf")  # doctest: +SKIP
    """
    kind = check_suffix(path)
    write_atomically(path, render_estimate(report, strip, site=site, kind=kind, seen=seen))


def check_suffix(path: str | os.PathLike[str]) -> str:
    """The format that the suffix names; OutputError for one that cannot be drawn.

    >>> check_suffix("estimate.PDF")
    'pdf'
    """
    kind = Path(path).suffix.lower().removeprefix(".")
    if kind not in FORMATS:
        raise OutputError(f"cannot draw {path}: the suffix must be .png, .pdf or .svg")
    return kind


def figure_png(
    report: Report, strip: Strip, *, site: Site | None = None, titled: bool = True
) -> bytes:
    """The figure as the bytes of a PNG file, to embed in a page.

    titled: whether it says the answer; a page says it in its own words.
    """
    return render_estimate(report, strip, site=site, kind="png", titled=titled)


def render_estimate(
    report: Report,
    strip: Strip,
    *,
    site: Site | None = None,
    kind: str,
    seen: Overview | None = None,
    titled: bool = True,
) -> bytes:
    """The figure as the bytes of a file; ``kind`` is one of FORMATS."""
    strip = _thin_out(strip)
    mapped = seen is not None and bool(report.sites)
    with rc_context(STYLE):
        size = (WIDTH + (_MAP if mapped else 0), 6.6 if strip else 5.1)
        figure = Figure(figsize=size, dpi=DPI, facecolor="white")
        width, height = (float(side) for side in figure.get_size_inches())
        bottom = 2.15 if strip else 0.62
        above = write_title(figure, report) if titled else 0.06
        write_legend(figure, report, _LEFT, above)
        top = above + 0.2 + (0.55 if report.slide.mpp else 0.12)
        spot = (_LEFT / width, bottom / height, _ACROSS / width, 1 - (bottom + top) / height)
        axes = figure.add_axes(spot)
        draw_curve(axes, report)
        _show_label(figure, axes)
        if strip:
            _draw_strip(figure, report, strip, site)
        if seen is not None and mapped:
            room = (WIDTH + 0.1, 1.0, _MAP - 0.3, height - top - 1.0)
            end = draw_where(figure, report, seen, room) - 0.08
            words = textwrap.fill(where_words(report), 46)
            place = ((WIDTH + 0.1) / width, end / height)
            figure.text(*place, words, size=8.5, color=GREY, va="top")
        return figure_bytes(figure, kind)


def _show_label(figure: Figure, axes: Axes) -> None:
    """Move the left edge of a curve until the name of its axis is whole."""
    with known_glyphs_or_boxes():
        figure.draw_without_rendering()
    box = axes.yaxis.get_tightbbox()
    width = figure.get_figwidth()
    missing = 0.06 - (box.x0 / figure.dpi if box is not None else 0.06)
    if missing > 0:
        x0, y0, wide, high = axes.get_position().bounds
        axes.set_position((x0 + missing / width, y0, wide - missing / width, high))


def _thin_out(strip: Strip) -> Strip:
    """At most MOST_PATCHES of the strip, evenly spaced, including the first and the last."""
    if len(strip) <= MOST_PATCHES:
        return strip
    return [strip[i] for i in np.linspace(0, len(strip) - 1, MOST_PATCHES).round().astype(int)]


def write_title(figure: Figure, report: Report, before: str = "") -> float:
    """Write the headline, the slide, network and estimator, and any doubt; returns inches used.

    before: words in front of the name of the slide.
    """
    height = figure.get_figheight()
    name = Path(report.slide.path).name
    subtitle = shorten(f"{before}{name} · {report.network.name} · {report.estimator}", 120)
    figure.text(0.02, 1 - 0.13 / height, plain(headline(report)), size=15, weight="bold", va="top")
    figure.text(0.02, 1 - 0.47 / height, plain(subtitle), color=GREY, va="top", size=9)
    lines = textwrap.wrap(report.reason, 138, max_lines=2, placeholder=" …")
    if report.verdict == "ok":
        lines = []
    for i, line in enumerate(lines):
        figure.text(0.02, 1 - (0.66 + 0.17 * i) / height, plain(line), va="top", size=9)
    return 0.72 + 0.17 * len(lines)


def shorten(text: str, length: int) -> str:
    """Text of at most about that length, with its middle left out.

    >>> shorten("a-long-name.svs", 8)
    'a-lo … .svs'
    """
    return text if len(text) <= length else f"{text[: length // 2]} … {text[-length // 2 :]}"


def plain(text: str) -> str:
    """Text in which matplotlib sees no formula."""
    return text.replace("$", r"\$")


def _draw_strip(figure: Figure, report: Report, strip: Strip, site: Site | None) -> None:
    """One row of patches below the curve; the one nearest to the answer has a frame."""
    width, height = figure.get_size_inches()
    side = min(1.12, (_ACROSS - 0.1 * (len(strip) - 1)) / len(strip))
    gap = min((_ACROSS - side * len(strip)) / max(1, len(strip) - 1), 0.35)
    left = _LEFT + (_ACROSS - side * len(strip) - gap * (len(strip) - 1)) / 2
    nearest = _nearest([scale for scale, _ in strip], report.scale)
    for i, (scale, patch) in enumerate(strip):
        x = (left + i * (side + gap)) / width
        axes = figure.add_axes((x, 0.3 / height, side / width, side / height))
        axes.imshow(patch, interpolation="antialiased", aspect="auto")
        axes.set(xticks=[], yticks=[])
        chosen = i == nearest
        for spine in axes.spines.values():
            spine.set(visible=True, color=ANSWER if chosen else "#bbbbbb")
            spine.set_linewidth(3 if chosen else 0.8)
        weight, colour = ("bold", ANSWER) if chosen else ("normal", INK)
        axes.set_xlabel(number(scale), labelpad=4, size=9.5, color=colour, weight=weight)
    where = f" at x {site.x:.0f}, y {site.y:.0f}" if site else ""
    found = "; outlined: what it finds" if is_outlined(patch for _, patch in strip) else ""
    caption = f"What the network sees{where}, by scale{found}"
    figure.text(left / width, (0.3 + side + 0.09) / height, caption, size=9, color=GREY)


def _nearest(scales: list[float], answer: float | None) -> int | None:
    """Index of the scale nearest to the answer, in octaves; None without an answer."""
    if answer is None:
        return None
    return min(range(len(scales)), key=lambda i: abs(math.log(scales[i] / answer)))
