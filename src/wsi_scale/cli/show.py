"""What the command line shows: sentences and tables, nothing computed."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from wsi_scale.errors import OutputError, SettingsError, one_line, visible
from wsi_scale.slide.base import Slide

if TYPE_CHECKING:
    from wsi_scale.networks.network import Network
    from wsi_scale.report import Report


class CleanConsole(Console):
    """A console to which no file and no name can send codes. What stderr cannot take is lost."""

    def print(self, *objects: Any, **options: Any) -> None:
        clean = [visible(x) if isinstance(x, str) else x for x in objects]
        if not self.stderr:
            super().print(*clean, **options)
            return
        with suppress(OSError):
            super().print(*clean, **options)


class AnswerConsole(CleanConsole):
    """stdout. If it cannot be written, that too is reported in one sentence."""

    def print(self, *objects: Any, **options: Any) -> None:
        try:
            super().print(*objects, **options)
        except OSError as error:
            raise stdout_failed(error) from error

    def on_broken_pipe(self) -> None:
        raise stdout_failed("the program that read it has ended")


def flush_stdout() -> None:
    """Raise OutputError if what was printed cannot be written, for example on a full disk."""
    try:
        sys.stdout.flush()
    except OSError as error:
        raise stdout_failed(error) from error


def stdout_failed(reason: OSError | str) -> OutputError:
    """The error for a stdout that cannot be written; from then on nothing is written to it."""
    with suppress(OSError, ValueError):  # else Python complains again when it flushes at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    said = reason if isinstance(reason, str) else reason.strerror or str(reason)
    return OutputError(f"cannot write to stdout: {said}")


# plain text only: rich would read brackets and colons in a path or SPEC as markup
out = AnswerConsole(markup=False, emoji=False, highlight=False)
err = CleanConsole(markup=False, emoji=False, highlight=False, stderr=True)


WIDEST = 100
"""Sentences are wrapped at this many letters on a wider terminal."""

COLOURS = {"ok": "green", "edge": "yellow", "ambiguous": "yellow", "outside": "red"}
"""Of a verdict on a terminal; the others are red. NO_COLOR turns them off."""


def detail_of(quiet: bool, verbose: bool) -> int:
    """How much is printed: 0 the headline, 1 the sentences, 2 every number too.

    >>> detail_of(False, False), detail_of(True, False), detail_of(False, True)
    (1, 0, 2)
    """
    if quiet and verbose:
        raise SettingsError("--quiet and --verbose contradict each other; give one of them")
    return 0 if quiet else 1 + verbose


def print_report(report: Report, detail: int = 1) -> None:
    """The answer: its headline, a few sentences, and every number, as the detail says."""
    from wsi_scale.render.sentence import explain, headline

    out.print(coloured(one_line(headline(report)), report.verdict), soft_wrap=True)
    if detail == 0:
        return
    say(explain(report))
    if report.verdict != "ok":
        say(f"why: {one_line(report.reason)}")
    for warning in report.warnings:
        say(f"warning: {one_line(warning)}")
    if detail > 1:
        print_numbers(report)


def coloured(line: str, verdict: str) -> Text:
    """A headline in bold, its verdict in colour."""
    text = Text(visible(line), style="bold")
    text.highlight_words([verdict.replace("_", " ")], COLOURS.get(verdict, "red"))
    return text


def say(text: str) -> None:
    """A paragraph: wrapped on a terminal, one line in a pipe or file."""
    if out.is_terminal:
        out.print(text, width=min(out.width, WIDEST))
    else:
        out.print(text, soft_wrap=True)


def print_numbers(report: Report) -> None:
    """Every number of the answer with its name."""
    from wsi_scale.render.numbers import key_numbers

    rows = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for name, value in key_numbers(report):
        rows.add_row(one_line(name), one_line(value))
    out.print(rows)


def print_info(slide: Slide) -> None:
    """Levels, pixel size, reader, and what each metadata field states."""
    from wsi_scale.render.describe import bounds, resolution

    rows = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    size = f"{slide.levels[0].width} × {slide.levels[0].height} px"
    rows.add_row("slide", one_line(slide.path))
    rows.add_row("reader", one_line(f"{slide.reader} ({slide.reader_reason})"))
    rows.add_row("size", size)
    if bounds(slide):
        rows.add_row("bounds", bounds(slide))
    rows.add_row("resolution", resolution(slide))
    power = slide.objective_power
    rows.add_row("objective", "not stated" if power is None else f"{power:g}× (nominal)")
    out.print(rows)
    levels = Table("level", "width", "height", "downsample", box=None, padding=(0, 2, 0, 0))
    for i, level in enumerate(slide.levels):
        levels.add_row(str(i), str(level.width), str(level.height), f"{level.downsample:.6g}")
    out.print(levels)
    if slide.audit:
        audit = Table("source", "says", "µm/px", "status", box=None, padding=(0, 2, 0, 0))
        for x in slide.audit:
            mpp = "" if x.mpp is None else f"{x.mpp:.4g}"
            note = f"{x.status} ({x.note})" if x.note else x.status
            audit.add_row(*(one_line(word, 200) for word in (x.source, x.says, mpp, note)))
        out.print(audit)
    for note in slide.notes:
        out.print(f"note: {note}", soft_wrap=True)


def print_network(network: Network) -> None:
    """What wsi-scale found out about a network, and its layers."""
    from wsi_scale.render.describe import network_rows

    rows = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for label, value in network_rows(network):
        rows.add_row(label, one_line(value))
    out.print(rows)
    if network.absent:
        return
    layers = Table("layer", "kind", box=None, padding=(0, 2, 0, 0))
    for layer in network.layers():
        layers.add_row(one_line(layer.name), one_line(layer.kind))
    out.print(layers)
