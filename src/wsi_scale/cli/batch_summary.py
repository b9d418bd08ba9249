"""What a batch leaves beside its rows: a summary, a page, a picture, a CSV, and pages of slides."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote

import typer

from wsi_scale.cli.outputs import write_each
from wsi_scale.cli.progress_bar import following
from wsi_scale.cli.show import err, out
from wsi_scale.errors import OutputError, WsiScaleError, one_line
from wsi_scale.plumbing.files import write_atomically

if TYPE_CHECKING:
    from wsi_scale.batch.row import Row
    from wsi_scale.render.named_slides import Look
    from wsi_scale.report import Report
    from wsi_scale.sites.overview import Overview

PagesOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER",
        help="Write a page for each slide into FOLDER, and let the summary link to them and show "
        "what each slide looks like.",
    ),
]


@dataclass(frozen=True)
class BatchFiles:
    """Where a batch's rows and what is made of them go."""

    rows: Path
    """``.jsonl`` or ``.parquet``."""
    table: Path | None = None
    """CSV for spreadsheets; None: beside the rest of the summary."""
    pages: Path | None = None
    """Folder for a page of each slide."""
    quiet: bool = False
    """Whether one line is printed instead of the summary."""

    def files(self) -> list[Path]:
        """Files of the summary.

        >>> [path.name for path in BatchFiles(Path("rows.jsonl")).files()]
        ['rows.summary.md', 'rows.summary.html', 'rows.summary.png', 'rows.summary.csv']
        """
        kinds = (".md", ".html", ".png")
        named = [self.rows.with_suffix(f".summary{kind}") for kind in kinds]
        return [*named, self.table or self.rows.with_suffix(".summary.csv")]


def check_pages(folder: Path | None) -> None:
    """Make the folder for pages. Raises OutputError before any work if it cannot be."""
    if folder is None:
        return
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot write into {folder}: {error.strerror or error}") from error
    if not os.access(folder, os.W_OK):
        raise OutputError(f"cannot write into {folder}: permission denied")


def write_summary(results: BatchFiles) -> None:
    """Summarize the rows: print to stdout, and write Markdown, page, picture and CSV."""
    from wsi_scale.batch.row_table import rows_csv
    from wsi_scale.batch.store import open_store
    from wsi_scale.batch.summary import markdown, summarize
    from wsi_scale.render.batch_page import batch_page, batch_png

    out_file, pages = results.rows, results.pages
    if not out_file.exists():
        raise OutputError(f"{out_file} does not exist; give the --out of an earlier batch")
    check_pages(pages)
    found = summarize(open_store(out_file).rows())
    looks = {} if pages is None else _write_pages(out_file, pages)
    text, png = markdown(found), batch_png(found)
    page = batch_page(found, png, f"{out_file.name}: {len(found.slides)} slides", looks)
    table = rows_csv(open_store(out_file).rows())
    contents: tuple[str | bytes, ...] = (text, page, png, table)
    out.print(text.partition("\n")[0] if results.quiet else text, soft_wrap=True)
    pairs = zip(results.files(), contents, strict=True)
    failed = write_each([partial(write_atomically, path, content) for path, content in pairs])
    if failed:
        raise OutputError("; ".join(failed))
    names = ", ".join(path.name for path in results.files())
    if not results.quiet:
        out.print(f"rows in {out_file}; summary next to them in {names}", soft_wrap=True)


def _write_pages(out_file: Path, folder: Path) -> dict[str, Look]:
    """A page for every slide that has an answer; what cannot be seen any more has no picture."""
    from wsi_scale.batch.store import open_store

    rows = [row for row in open_store(out_file).rows() if row["error"] is None]
    names = page_names([row["path"] for row in rows])
    looks = {}
    with following() as tell:
        for done, row in enumerate(rows):
            tell("writing pages", done, len(rows))
            looks[row["path"]] = _write_page(row, folder / names[row["path"]], out_file.parent)
    return looks


def page_names(paths: list[str]) -> dict[str, str]:
    """A file name for the page of each slide; those of one name are told apart.

    >>> page_names(["/a/x.svs", "/b/x.svs", "/b/y.svs"])
    {'/a/x.svs': 'x.svs.html', '/b/x.svs': 'x.svs-2.html', '/b/y.svs': 'y.svs.html'}
    """
    names: dict[str, str] = {}
    taken: set[str] = set()
    for path in paths:
        plain = os.path.basename(path).encode(errors="replace").decode()[-180:]
        plain = "".join(x if x.isalnum() or x in "-_. " else "_" for x in plain) or "slide"
        name, number = f"{plain}.html", 1
        while name.lower() in taken:
            number += 1
            name = f"{plain}-{number}.html"
        taken.add(name.lower())
        names[path] = name
    return names


def _write_page(row: Row, path: Path, home: Path) -> Look:
    """One page; what the table shows of it. home: the folder of the batch's page."""
    from wsi_scale.batch.row import unflatten
    from wsi_scale.render.figure import figure_png
    from wsi_scale.render.html import write_html
    from wsi_scale.render.named_slides import Look, thumbnail
    from wsi_scale.render.where import where_picture

    report = unflatten(row)
    seen = _seen(report)
    where = where_picture(report, seen) if seen is not None and report.sites else None
    write_html(report, figure_png(report, [], titled=False), path, where_png=where)
    link = quote(os.path.relpath(path, home).replace(os.sep, "/"))
    return Look(None if seen is None else thumbnail(seen), link)


def _seen(report: Report) -> Overview | None:
    """The slide in small, if it can still be read."""
    from wsi_scale.sites.overview import take_overview
    from wsi_scale.slide.readers import open_slide

    try:
        with open_slide(report.slide.path, reader=report.slide.reader) as slide:
            return take_overview(slide, None)
    except WsiScaleError as error:
        err.print(f"note: no picture of a slide: {one_line(str(error))}", soft_wrap=True)
        return None
