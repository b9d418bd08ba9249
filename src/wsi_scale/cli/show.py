"""What the command line shows: sentences and tables, nothing computed."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from wsi_scale.errors import OutputError, one_line, visible
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


def print_report(report: Report) -> None:
    """The answer in a few sentences."""
    from wsi_scale.render.sentence import explain, headline

    out.print(one_line(headline(report)), style="bold", soft_wrap=True)
    out.print(explain(report), soft_wrap=True)
    if report.verdict != "ok":
        out.print(f"why: {one_line(report.reason)}", soft_wrap=True)
    for warning in report.warnings:
        out.print(f"warning: {one_line(warning)}", soft_wrap=True)


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
