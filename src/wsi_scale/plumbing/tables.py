"""Tables as CSV with every digit, and as Markdown for people."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from wsi_scale.plumbing.plain_text import csv_text

Cell = str | float | int | None


@dataclass(frozen=True)
class Table:
    """One table and its two files."""

    name: str
    """Name of the files, without an ending."""
    header: tuple[str, ...]
    """Names of the columns."""
    rows: tuple[tuple[Cell, ...], ...]
    """Values with every digit."""
    markdown: str
    """The table for people."""

    @property
    def csv(self) -> str:
        """The table as CSV with a header. A missing number is an empty cell."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(self.header)
        writer.writerows([[_written(x) for x in row] for row in self.rows])
        return text.getvalue()


def _written(value: Cell) -> Cell:
    """A value for a CSV; a name is no formula."""
    if isinstance(value, str):
        return csv_text(value)
    return "" if _absent(value) else value


def _absent(value: Cell) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def grid_of(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table with words in the first column and numbers in the others."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def number(value: float | None, digits: int) -> str:
    """A number with the given decimals; an en dash if there is none.

    >>> number(0.12345, 2), number(None, 2)
    ('0.12', '–')
    """
    return "–" if value is None or math.isnan(value) else f"{value:.{digits}f}"
