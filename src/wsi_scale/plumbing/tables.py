"""One table as CSV, with every digit, and as Markdown, for people."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

Cell = str | float | int | None


@dataclass(frozen=True)
class Table:
    """One table and its two files."""

    name: str
    header: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    markdown: str

    @property
    def csv(self) -> str:
        """Comma-separated, with a header; an absent number is an empty cell."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(self.header)
        writer.writerows([["" if _absent(x) else x for x in row] for row in self.rows])
        return text.getvalue()


def _absent(value: Cell) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def grid_of(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; the first column holds words, the others numbers."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def number(value: float | None, digits: int) -> str:
    """A number with so many decimals; an en dash for none."""
    return "–" if value is None or math.isnan(value) else f"{value:.{digits}f}"
