"""A report in a cell of a notebook: light or dark, with what matters first."""

from __future__ import annotations

from pathlib import Path

from wsi_scale.plumbing.plain_text import html_text
from wsi_scale.render.figure import figure_png
from wsi_scale.render.html import picture
from wsi_scale.render.sentence import explain, headline
from wsi_scale.report import Report


def part(report: Report) -> str:
    """The answer, its sentences, its warnings and its curve, as HTML without style of a page.

    Parameters
    ----------
    report : Report
        Of one slide.

    Returns
    -------
    str
        One ``div`` that needs nothing from elsewhere; foreign text is escaped.

    Examples
    --------
    >>> import numpy as np
    >>> from wsi_scale import estimate_slide
    >>> report = estimate_slide(np.full((300, 400, 3), 255, np.uint8), "figures")
    >>> part(report)[:5], "blank" in part(report)
    ('<div ', True)
    """
    name = f"{Path(report.slide.path).name} · {report.network.name}"
    colour = "#0072b2" if report.verdict == "ok" else "#d55e00"
    told = [explain(report)]
    if report.verdict != "ok":
        told.append(f"Why: {report.reason}.")
    told += [f"Warning: {one}" for one in report.warnings]
    lines = "".join(f'<p style="margin:.25em 0">{html_text(one)}</p>' for one in told)
    curve = picture(figure_png(report, [], titled=False), "Curve of the score over scale.")
    return (
        f'<div style="max-width:62rem"><div style="border-left:.4em solid {colour};'
        f'padding:.2em 1em"><strong>{html_text(headline(report))}</strong><br>'
        f"<small>{html_text(name)}</small>{lines}</div>"
        f"{curve.replace('<img ', CURVE)}</div>"
    )


CURVE = '<img style="max-width:100%;background:#fff" '
