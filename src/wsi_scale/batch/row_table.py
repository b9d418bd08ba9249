"""The rows of a batch as one CSV for people: a line per slide, the columns that they ask for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from wsi_scale.batch.row import Row
from wsi_scale.plumbing.tables import Table

COLUMNS: dict[str, str] = {
    "path": "path",
    "cohort": "cohort",
    "scanner": "scanner",
    "verdict": "verdict",
    "scale": "scale",
    "scale_low": "scale_interval.0",
    "scale_high": "scale_interval.1",
    "network_mpp": "mpp",
    "stated_mpp_x": "slide.mpp.0",
    "stated_mpp_y": "slide.mpp.1",
    "stated_by": "slide.mpp_source",
    "ruler_mpp": "ruler.slide_mpp",
    "ruler_mpp_low": "ruler.slide_mpp_interval.0",
    "ruler_mpp_high": "ruler.slide_mpp_interval.1",
    "stated_against_tissue": "pixels.status",
    "level": "nearest_level.level",
    "resize": "nearest_level.residual",
    "estimator": "estimator",
    "reason": "reason",
    "error_kind": "error_kind",
    "error": "error",
}
"""Column of the CSV -> column of the rows, and perhaps which of its two values."""


def rows_csv(rows: Iterable[Row]) -> str:
    r"""A line per slide, by path; text that a spreadsheet would compute begins with an apostrophe.

    Parameters
    ----------
    rows : iterable of dict
        Rows as ``open_store(path).rows()`` yields them.

    Returns
    -------
    str
        CSV with the header ``COLUMNS``; a missing value is an empty cell.

    Examples
    --------
    >>> from wsi_scale.batch.row import failed_row
    >>> text = rows_csv([failed_row("slide", "=1+1 is empty") | {"path": "a.svs"}])
    >>> text.splitlines()[1]
    "a.svs,,,,,,,,,,,,,,,,,,,slide,'=1+1 is empty"
    """
    lines = [tuple(row_value(row, column) for column in COLUMNS.values()) for row in rows]
    lines.sort(key=lambda line: line[0])
    return Table("rows", tuple(COLUMNS), tuple(lines), "").csv


def row_value(row: Row, column: str) -> Any:
    """The value of a column, or of one end of a pair such as ``scale_interval.0``."""
    name, _, last = column.rpartition(".")
    if last in ("0", "1"):
        pair = row.get(name)
        return None if pair is None else pair[int(last)]
    return row.get(column)
