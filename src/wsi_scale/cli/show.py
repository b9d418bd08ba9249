"""What the command line shows: sentences and tables, nothing computed."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NoReturn

from rich.console import Console
from rich.table import Table

from wsi_scale.errors import OutputError
from wsi_scale.slide.base import Slide

if TYPE_CHECKING:
    from wsi_scale.networks.network import Network
    from wsi_scale.report import Report


class AnswerConsole(Console):
    """stdout. If it cannot be written, that too is reported in one sentence."""

    def print(self, *objects: Any, **options: Any) -> None:
        try:
            super().print(*objects, **options)
        except OSError as error:
            self._give_up(error.strerror or str(error))

    def on_broken_pipe(self) -> None:
        self._give_up("the program that read it has ended")

    def _give_up(self, reason: str) -> NoReturn:
        with suppress(OSError, ValueError):  # else Python complains again when it flushes at exit
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise OutputError(f"cannot write to stdout: {reason}")


# plain text only: rich would read brackets and colons in a path or SPEC as markup
out = AnswerConsole(markup=False, emoji=False, highlight=False)
err = Console(markup=False, emoji=False, highlight=False, stderr=True)


def print_report(report: Report) -> None:
    """The answer in a few sentences."""
    from wsi_scale.render.sentence import explain, headline

    out.print(headline(report), style="bold", soft_wrap=True)
    out.print(explain(report), soft_wrap=True)
    if report.verdict != "ok":
        out.print(f"why: {report.reason}", soft_wrap=True)
    for warning in report.warnings:
        out.print(f"warning: {warning}", soft_wrap=True)


def print_info(slide: Slide) -> None:
    """Levels, pixel size, reader, and what each metadata field states."""
    from wsi_scale.render.describe import bounds, resolution

    rows = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    size = f"{slide.levels[0].width} × {slide.levels[0].height} px"
    rows.add_row("slide", slide.path)
    rows.add_row("reader", f"{slide.reader} ({slide.reader_reason})")
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
            audit.add_row(x.source, x.says, mpp, note)
        out.print(audit)
    for note in slide.notes:
        out.print(f"note: {note}", soft_wrap=True)


def print_network(network: Network) -> None:
    """What wsi-scale found out about a network, and its layers."""
    from wsi_scale.render.describe import network_rows

    rows = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for label, value in network_rows(network):
        rows.add_row(label, value)
    out.print(rows)
    if network.absent:
        return
    layers = Table("layer", "kind", box=None, padding=(0, 2, 0, 0))
    for layer in network.layers():
        layers.add_row(layer.name, layer.kind)
    out.print(layers)
