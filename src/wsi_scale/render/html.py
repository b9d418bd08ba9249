"""The report as one self-contained page that opens anywhere."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from wsi_scale.plumbing.files import write_atomically
from wsi_scale.plumbing.plain_text import html_text
from wsi_scale.render.by_ruler import subject
from wsi_scale.render.glossary import MORE, WORDS
from wsi_scale.render.legend import MARKS, marks_of
from wsi_scale.render.numbers import key_numbers, range_words, stated_rows, value
from wsi_scale.render.page_style import CSS
from wsi_scale.render.sentence import explain, headline, number, words
from wsi_scale.render.where import where_words
from wsi_scale.report import Report

HEAD = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{css}</style>
</head>
<body>
<main>
"""
"""The start of every page: title and CSS, up to the content."""

_PAGE = (
    HEAD
    + """<h1>{headline}</h1>
<p class="of">{subject}</p>
<section class="verdict{doubt}" aria-label="Verdict">
<p><strong>Verdict: {verdict}.</strong> {meaning}</p>
<p>{reason}</p>
</section>
{sections}
</main>
<script type="application/json" id="report">
{json}</script>
</body>
</html>
"""
)


def write_html(
    report: Report,
    figure_png: bytes,
    path: str | os.PathLike[str],
    *,
    where_png: bytes | None = None,
) -> None:
    """Write the report as one self-contained page, completely or not at all.

    Parameters
    ----------
    report : Report
        The report of one run.
    figure_png : bytes
        The figure, from ``wsi_scale.render.figure.figure_png``, without a title of its own.
    path : path
        File to write.
    where_png : bytes, optional
        The map of where, from ``wsi_scale.render.where.where_picture``.

    Raises
    ------
    OutputError
        When the file cannot be written.

    Examples
    --------
    >>> from wsi_scale.render.figure import figure_png
    >>> write_html(report, figure_png(report, [], titled=False), "a.html")  # doctest: +SKIP
    """
    write_atomically(path, page(report, figure_png, where_png))


def page(report: Report, figure_png: bytes, where_png: bytes | None = None) -> str:
    """The page as text; every string of the report is escaped."""
    name = Path(report.slide.path).name
    sections = [
        _warnings(report.warnings),
        _figure(report, figure_png),
        _where(report, where_png),
        _section("Key numbers", _pairs(key_numbers(report))),
        _classes(report),
        _section("Slide", _pairs(_slide(report)) + _pixels(report) + _audit(report)),
        _sites(report),
        words_part(),
        _details("How this was made", _pairs(_provenance(report))),
    ]
    return _PAGE.format(
        title=html_text(f"{name}: {headline(report)}"),
        css=CSS,
        headline=html_text(headline(report)),
        subject=html_text(subject(report)),
        doubt="" if report.verdict == "ok" else " doubt",
        verdict=html_text(words(report.verdict)),
        meaning=html_text(explain(report)),
        reason=html_text(f"Why: {report.reason}." if report.reason else ""),
        sections="\n".join(section for section in sections if section),
        json=_inert(report.to_json()),
    )


def _inert(json: str) -> str:
    """JSON that cannot end the script element it stands in; it parses to the same."""
    return json.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _section(title: str, content: str) -> str:
    return f"<section>\n<h2>{html_text(title)}</h2>\n{content}\n</section>" if content else ""


def _details(title: str, content: str) -> str:
    return f"<details>\n<summary>{html_text(title)}</summary>\n{content}\n</details>"


def words_part() -> str:
    """The words that a reader needs, folded away."""
    inside = f'<div class="words">{_pairs(WORDS.items())}</div><p>{MORE}</p>'
    return _details("What the words mean", inside)


def _warnings(warnings: Sequence[str]) -> str:
    items = "".join(f"<li>{html_text(one)}</li>" for one in warnings)
    return _section("Warnings", f"<ul>{items}</ul>" if items else "")


def _figure(report: Report, png: bytes) -> str:
    text = (
        "Curve of the score over scale, on a logarithmic axis from "
        f"{number(report.curve.scales[0])} to {number(report.curve.scales[-1])}; the answer is "
        f"scale {value(report.scale)}."
        if report.curve.scales
        else "No curve was measured."
    )
    told = "".join(f"<p>{html_text(MARKS[key][1])}</p>" for key in marks_of(report))
    caption = f"<figcaption>{told}</figcaption>" if told else ""
    return f"<figure>{picture(png, text)}{caption}</figure>"


def _where(report: Report, png: bytes | None) -> str:
    """The map of where, if there is one."""
    if png is None or not report.sites:
        return ""
    told = where_words(report)
    inside = picture(png, f"The slide in small, with its sites. {told}")
    caption = f"<figcaption>{html_text(told)}</figcaption>"
    return _section("Where", f'<figure class="where">{inside}{caption}</figure>')


def picture(png: bytes, text: str) -> str:
    """A picture inside the page; text: what it shows, for those who do not see it."""
    data = base64.b64encode(png).decode()
    return f'<img src="data:image/png;base64,{data}" alt="{html_text(text)}">'


def _pairs(rows: Iterable[tuple[str, str]]) -> str:
    body = "".join(
        f'<tr><th scope="row">{html_text(name)}</th><td>{html_text(value)}</td></tr>\n'
        for name, value in rows
    )
    return f'<table class="pairs">\n{body}</table>'


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f'<th scope="col">{html_text(one)}</th>' for one in heads)
    body = "".join(
        "<tr>" + "".join(f'<td class="n">{html_text(cell)}</td>' for cell in row) + "</tr>\n"
        for row in rows
    )
    table = f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody></table>"
    return f'<div class="wide">{table}</div>'


def _classes(report: Report) -> str:
    rows = [(one.name, value(one.scale), range_words(one.scale_interval)) for one in report.classes]
    heads = ("Class", "Scale", f"{report.interval_level * 100:.0f} % interval")
    return _section("Classes", _table(heads, rows) if rows else "")


def _slide(report: Report) -> list[tuple[str, str]]:
    slide = report.slide
    mpp = "not known" if slide.mpp is None else " × ".join(number(one) for one in slide.mpp)
    power = slide.objective_power
    levels = (
        f"{i}: {x.width} × {x.height} (×{x.downsample:.4g})" for i, x in enumerate(slide.levels)
    )
    return [
        ("File", slide.path),
        ("µm per pixel", f"{mpp} (from {slide.mpp_source})" if slide.mpp_source else mpp),
        ("Compared with the pixels", report.pixels.status if report.pixels else "not known"),
        (
            "Objective power, nominal (a label, not a measurement)",
            f"{power:g}×" if power else "not known",
        ),
        ("Stored levels", "; ".join(levels)),
        ("Reader", slide.reader),
    ]


def _audit(report: Report) -> str:
    rows = [
        (one.source, one.says, value(one.mpp), one.status, one.note) for one in report.slide.audit
    ]
    heads = ("Field", "Says", "µm per pixel", "Status", "Note")
    return (
        _details("What the file states about its pixel size", _table(heads, rows)) if rows else ""
    )


def _pixels(report: Report) -> str:
    """Every stated µm/px compared with the pixels, field by field."""
    rows = stated_rows(report)
    heads = ("Field", "µm per pixel", "Octaves from the pixels", "Status")
    return (
        _details("Stated pixel sizes compared with the pixels", _table(heads, rows)) if rows else ""
    )


def _sites(report: Report) -> str:
    rows = [(f"{one.x:.1f}", f"{one.y:.1f}", value(one.scale)) for one in report.sites]
    heads = ("x (slide pixels)", "y (slide pixels)", "Scale")
    return _details(f"Sites ({len(rows)})", _table(heads, rows)) if rows else ""


def _provenance(report: Report) -> list[tuple[str, str]]:
    made, network = report.provenance, report.network
    training = "not known" if network.training_mpp is None else f"{number(network.training_mpp)} µm"
    rows = [
        ("Network", network.spec),
        ("Weights, SHA-256", network.sha256 or "–"),
        ("Network input", f"{network.input_size} × {network.input_size} pixels"),
        ("Trained at, per pixel", training),
        ("wsi-scale", made.version),
        ("torch", made.torch or "–"),
        ("Resampling", made.resampling),
        ("Seed", str(made.seed)),
        ("Sites", str(len(report.sites))),
        ("Patches", str(made.patches)),
        ("Seconds", f"{made.seconds:.1f}"),
    ]
    return rows + [(f"Setting {name}", str(value)) for name, value in made.settings.items()]
