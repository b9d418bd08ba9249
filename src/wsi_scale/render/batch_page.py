"""A batch as one picture and one page: where its answers lie, and which stand out."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from wsi_scale.batch.brief import Brief
from wsi_scale.batch.summary import (
    HEADER,
    MOST_SHOWN,
    Summary,
    cells_of,
    headline,
    short_names,
)
from wsi_scale.plumbing.plain_text import html_text
from wsi_scale.render.curve import ANSWER, CURVE, GREY, INK
from wsi_scale.render.html import HEAD, words_part
from wsi_scale.render.named_slides import CSS as TABLE_CSS
from wsi_scale.render.named_slides import Look, slide_table
from wsi_scale.render.page_style import CSS

MOST_ROWS = 40
"""At most this many cohorts, or scanners, are drawn: the largest."""

_INCH_PER_ROW = 0.32
_INCH_LEGEND = 0.35

_LOOKS: dict[str, dict[str, Any]] = {
    "ok": {"color": CURVE, "marker": "o", "s": 14},
    "another verdict": {"facecolors": "none", "edgecolors": GREY, "marker": "o", "s": 14},
    "flagged": {"color": ANSWER, "marker": "x", "s": 36, "zorder": 4},
}
_MEDIAN: dict[str, Any] = {"color": INK, "linewidth": 1.5}

_BREAK = frozenset(("slide", "reason", "cohort"))
"""Columns that may hold paths, which may break anywhere. In other columns words stay whole."""

_PAGE = (
    HEAD
    + """<h1>{title}</h1>
<p>{headline}</p>
{sections}
</main>
</body>
</html>
"""
)


def batch_png(summary: Summary) -> bytes:
    """Every answer as a point, one line per cohort and one per scanner; PNG.

    Filled points are ``ok``, hollow ones are not, crosses stand out, and a vertical line is the
    median; a legend says so. Slides with µm/px share one axis; slides without have another, of
    scales.
    """
    short = short_names({x.cohort for x in summary.slides})
    panels = []
    for unit, label in (("µm/px", "µm per pixel of the network"), ("scale", "scale")):
        slides = [x for x in summary.slides if x.value is not None and x.unit == unit]
        if slides:
            panels.append(
                (f"cohort, {label}", label, _lines(slides, [short[x.cohort] for x in slides]))
            )
            panels.append((f"scanner, {label}", label, _lines(slides, [x.scanner for x in slides])))
    style: dict[Any, Any] = {"font.family": "DejaVu Sans", "text.color": INK}
    with rc_context(style):
        heights = [1.1 + _INCH_PER_ROW * len(lines) for _, _, lines in panels] or [1.5]
        figure = Figure(figsize=(9, sum(heights) + _INCH_LEGEND), layout="constrained")
        out = {x.slide.path for x in summary.outliers}
        if not panels:
            figure.text(0.5, 0.5, "no slide has an answer", ha="center", color=GREY)
        else:
            all_axes = figure.subplots(len(panels), squeeze=False, height_ratios=heights)[:, 0]
            for axes, (title, label, lines) in zip(all_axes, panels, strict=True):
                _draw(axes, lines, out)
                axes.set_title(f"by {title.partition(',')[0]}", loc="left", size=10)
                axes.set_xlabel(label)
            _explain(figure)
        data = io.BytesIO()
        figure.savefig(data, format="png", dpi=120)
    return data.getvalue()


def _lines(slides: Sequence[Brief], names: Sequence[str]) -> list[tuple[str, list[Brief]]]:
    """Slides grouped by name: the groups with most slides, in the order of their names."""
    members: dict[str, list[Brief]] = {}
    for x, name in zip(slides, names, strict=True):
        members.setdefault(name, []).append(x)
    largest = sorted(members, key=lambda name: (-len(members[name]), name))[:MOST_ROWS]
    return [(name, members[name]) for name in sorted(largest)]


def _draw(axes: Any, lines: Sequence[tuple[str, list[Brief]]], out: set[str]) -> None:
    rng = np.random.default_rng(0)  # so that points of one value do not overlap
    for row, (_, slides) in enumerate(lines):
        groups = (
            [x for x in slides if x.path not in out and x.verdict == "ok"],
            [x for x in slides if x.path not in out and x.verdict != "ok"],
            [x for x in slides if x.path in out],
        )
        for look, members in zip(_LOOKS.values(), groups, strict=True):
            heights = row + rng.uniform(-0.25, 0.25, len(members))
            axes.scatter([x.value for x in members], heights, linewidths=1, **look)
        good = [x.value for x in slides if x.verdict == "ok" and x.value is not None]
        if good:
            axes.plot([np.median(good)] * 2, [row - 0.4, row + 0.4], **_MEDIAN)
    axes.set_xscale("log", base=2)
    axes.set_xlim(*_ends([x.value for _, slides in lines for x in slides if x.value is not None]))
    axes.xaxis.set_major_locator(LogLocator(base=2, subs=(1.0, 1.5)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.3g}"))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_yticks(range(len(lines)), [_ending(name) for name, _ in lines])
    axes.set_ylim(len(lines) - 0.5, -0.5)
    axes.grid(axis="x", color="#d9d9d9", linewidth=0.6)
    axes.set_axisbelow(True)


def _explain(figure: Figure) -> None:
    """A legend of all marks, whether or not they occur."""
    axes = figure.axes[0]
    marks: list[Any] = [axes.scatter([], [], linewidths=1, **look) for look in _LOOKS.values()]
    marks += axes.plot([], [], **_MEDIAN)
    names = [*_LOOKS, "median of ok"]
    figure.legend(marks, names, loc="outside lower center", ncols=4, frameon=False)


def _ends(values: Sequence[float]) -> tuple[float, float]:
    """Ends of an axis of at least two octaves, so that answers that agree lie close together."""
    low, high = min(values) / 1.1, max(values) * 1.1
    wider = max(1.0, 2.0 / float(np.sqrt(high / low)))
    return low / wider, high * wider


def _ending(name: str, most: int = 40) -> str:
    """The end of a long name, with $ escaped, which matplotlib would read as mathematics."""
    text = name if len(name) <= most else f"…{name[-most + 1 :]}"
    return text.encode(errors="backslashreplace").decode().replace("$", r"\$")


def batch_page(
    summary: Summary, png: bytes, title: str, looks: Mapping[str, Look] | None = None
) -> str:
    """The summary as one self-contained page.

    looks: thumbnail and page of each slide, by its path; see ``wsi_scale.render.named_slides``.
    """
    sections = []
    if summary.outliers:
        rows = [[x.slide.path, f"{x.octaves:+.2f}", x.reason] for x in summary.outliers]
        sections.append(_table("Look at these first", ("slide", "octaves", "why"), rows))
    picture = base64.b64encode(png).decode()
    alt = "Answers by cohort and by scanner; the tables below show the same."
    sections.append(
        f'<figure><img src="data:image/png;base64,{picture}" alt="{alt}"><figcaption>Filled '
        "points are ok, hollow points have another verdict, crosses are flagged. A vertical line "
        "is the median of the ok answers.</figcaption></figure>"
    )
    if summary.failed:
        rows = [[x.path, x.error_kind or "", x.error or ""] for x in summary.failed]
        sections.append(_table("Failed", ("slide", "kind", "reason"), rows))
    for name, groups in (("scanner", summary.scanners), ("cohort", summary.cohorts)):
        cells = [cells_of(group) for group in groups]
        sections.append(_table(f"By {name}", (name, *HEADER), cells, most=len(cells)))
    if summary.slides:
        sections.append(slide_table(summary, looks))
    sections.append(words_part())
    page = _PAGE.format(
        title=html_text(title),
        css=CSS + TABLE_CSS,
        headline=html_text(headline(summary)),
        sections="\n".join(sections),
    )
    return page.encode(errors="backslashreplace").decode()


def _table(
    title: str, header: Sequence[str], rows: Sequence[Sequence[str]], most: int = MOST_SHOWN
) -> str:
    head = "".join(f'<th scope="col">{html_text(cell)}</th>' for cell in header)
    body = "".join("<tr>" + "".join(map(_cell, header, row)) + "</tr>\n" for row in rows[:most])
    left = len(rows) - most
    more = f"<p>… and {left} more, all in the rows.</p>\n" if left > 0 else ""
    return (
        f'<h2>{html_text(title)}</h2>\n<div class="wide"><table><thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{body}</tbody></table></div>\n{more}"
    )


def _cell(name: str, text: str) -> str:
    whole = "" if name in _BREAK else ' class="whole"'
    return f"<td{whole}>{html_text(text)}</td>"
