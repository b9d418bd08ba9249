"""The table of a batch: every slide by name, those to look at first, with filters that need no
network."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from PIL import Image

from wsi_scale.batch.brief import Brief
from wsi_scale.batch.summary import Summary, short_names
from wsi_scale.plumbing.plain_text import html_text
from wsi_scale.render.numbers import value
from wsi_scale.sites.overview import Overview


@dataclass(frozen=True)
class Look:
    """What a slide looks like, and where its own page lies."""

    thumbnail: bytes | None = None
    """A small JPEG."""
    page: str | None = None
    """Link to the page, relative to the page of the batch; percent-encoded."""


THUMBNAIL_PX = 160
"""Longest side."""


def thumbnail(seen: Overview) -> bytes:
    """A small JPEG of a slide, for ``Look``."""
    picture = Image.fromarray(seen.picture)
    picture.thumbnail((THUMBNAIL_PX, THUMBNAIL_PX))
    data = io.BytesIO()
    picture.save(data, format="JPEG", quality=80)
    return data.getvalue()


FAILED = "failed"
"""Stands for the verdict of a slide without an answer."""

COLUMNS = ("slide", "verdict", "scale", "µm/px stated", "µm/px by the ruler", "reason")

CSS = """
.filters { display: flex; flex-wrap: wrap; gap: .5rem 1rem; margin: .5rem 0 1rem; }
.filters label { color: var(--soft); }
.filters select, .filters input { font: inherit; color: inherit; background: var(--paper);
  border: 1px solid var(--line); border-radius: .25rem; padding: .15rem .35rem; max-width: 100%; }
.slides td img { width: 6rem; max-height: 5rem; object-fit: contain; }
.slides .bad { color: var(--answer); font-weight: 600; }
.slides .soft { color: var(--soft); font-size: .9rem; }
.slides td, .slides th { overflow-wrap: break-word; }
@media (min-width: 40.01rem) {
  .slides .look { width: 6.75rem; }
  .slides .name { width: 26%; overflow-wrap: anywhere; }
  .slides .verdict-cell { white-space: nowrap; }
}
@media (max-width: 40rem) {
  .slides thead { display: none; }
  .slides, .slides tbody, .slides tr, .slides td { display: block; border: 0; }
  .slides tr { border-bottom: 1px solid var(--line); padding: .5rem 0; }
  .slides td { padding: .1rem 0; }
  .slides td[data-name]:not(:empty)::before { content: attr(data-name) ": "; color: var(--soft); }
}
@media print { .filters { display: none; } }
"""

SCRIPT = """<script type="text/javascript">
(() => {
  const table = document.querySelector(".slides"), rows = [...table.tBodies[0].rows];
  const chosen = [...document.querySelectorAll(".filters select")];
  const typed = document.querySelector(".filters input");
  const told = document.querySelector("#shown");
  const show = () => {
    const word = typed.value.toLowerCase();
    let count = 0;
    for (const row of rows) {
      const kept = chosen.every(x => !x.value || row.dataset[x.name] === x.value)
        && row.dataset.path.toLowerCase().includes(word);
      row.hidden = !kept;
      count += kept;
    }
    told.textContent = `${count} of ${rows.length} slides`;
  };
  for (const one of [...chosen, typed]) one.addEventListener("input", show);
  show();
})();
</script>
"""


def slide_table(summary: Summary, looks: Mapping[str, Look] | None = None) -> str:
    """The table with its filters, as HTML.

    Parameters
    ----------
    summary : Summary
        All its slides are listed: failed ones first, then those that are flagged or not ``ok``.
    looks : mapping of str to Look, optional
        Thumbnail and page of a slide, by its path.

    Returns
    -------
    str
        Sections of a page whose style has ``CSS`` too.
    """
    flagged = {x.slide.path: x.reason for x in summary.outliers}
    short = short_names({x.cohort for x in summary.slides})
    slides = sorted(summary.slides, key=lambda x: (_rank(x, flagged), x.path))
    looks = looks or {}
    rows = "".join(
        _row(x, short[x.cohort], flagged.get(x.path, ""), looks.get(x.path, Look())) for x in slides
    )
    heads = ("", *COLUMNS) if any(look.thumbnail for look in looks.values()) else COLUMNS
    head = "".join(f'<th scope="col">{html_text(one)}</th>' for one in heads)
    body = rows if len(heads) > len(COLUMNS) else rows.replace('<td class="look"></td>', "")
    filters = "".join(
        _select(name, label, values)
        for name, label, values in (
            ("verdict", "Verdict", (_verdict(x) for x in slides)),
            ("cohort", "Cohort", (short[x.cohort] for x in slides)),
            ("scanner", "Scanner", (x.scanner for x in slides)),
        )
    )
    return (
        f'<section>\n<h2>Slides</h2>\n<div class="filters">{filters}<label>Name '
        '<input type="search"></label> <span id="shown" role="status"></span></div>\n'
        f'<table class="slides"><thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody></table>\n'
        f"</section>\n{SCRIPT}"
    )


def _verdict(slide: Brief) -> str:
    return FAILED if slide.error is not None else (slide.verdict or "unknown").replace("_", " ")


def _rank(slide: Brief, flagged: Mapping[str, str]) -> int:
    """0 failed, 1 not ok, 2 ok but flagged, 3 ok."""
    if slide.error is not None:
        return 0
    if slide.verdict != "ok":
        return 1
    return 2 if slide.path in flagged else 3


def _select(name: str, label: str, values: Iterable[str]) -> str:
    known = dict.fromkeys(sorted(values))
    options = "".join(f'<option value="{html_text(x)}">{html_text(x)}</option>' for x in known)
    return (
        f'<label>{label} <select name="{name}"><option value="">all</option>{options}</select>'
        "</label>"
    )


def _row(slide: Brief, cohort: str, flag: str, look: Look) -> str:
    verdict = _verdict(slide)
    name = html_text(PurePath(slide.path).name or slide.path)
    if look.page is not None:
        name = f'<a href="{html_text(look.page)}">{name}</a>'
    picture = ""
    if look.thumbnail is not None:
        data = base64.b64encode(look.thumbnail).decode()
        picture = f'<img loading="lazy" alt="" src="data:image/jpeg;base64,{data}">'
    why = [flag, slide.error or slide.reason or ""]
    cells: Sequence[tuple[str, str]] = (
        ("scale", html_text(value(slide.scale))),
        (COLUMNS[3], html_text(value(slide.stated_mpp))),
        (COLUMNS[4], html_text(value(slide.ruler_mpp))),
        ("reason", html_text("; ".join(filter(None, why)))),
    )
    numbers = "".join(f'<td data-name="{head}">{text}</td>' for head, text in cells)
    mark = "" if verdict == "ok" and not flag else " bad"
    about, note = f"{cohort} · {slide.scanner}", "<br>flagged" if flag else ""
    return (
        f'<tr data-verdict="{html_text(verdict)}" data-cohort="{html_text(cohort)}" '
        f'data-scanner="{html_text(slide.scanner)}" data-path="{html_text(slide.path)}">'
        f'<td class="look">{picture}</td>'
        f'<td class="name" title="{html_text(slide.path)}">{name}<br>'
        f'<span class="soft">{html_text(about)}</span></td>'
        f'<td class="verdict-cell{mark}">{html_text(verdict)}{note}</td>'
        f"{numbers}</tr>\n"
    )
