"""Rows as Parquet: a folder of parts, each written whole, and a journal of the newest rows.

Nothing can be appended to a Parquet file, so rows go to ``_journal.jsonl`` one by one, and from
there, a few hundred at a time, into a part. Until the journal is emptied a row may be in both; then
the one in the part counts.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import BaseModel

from wsi_scale.batch.lines import GO_ON, Lines
from wsi_scale.batch.row import Row, columns, without_none
from wsi_scale.batch.row_check import check_row
from wsi_scale.errors import OutputError, SettingsError, one_line
from wsi_scale.plumbing.files import replacing
from wsi_scale.plumbing.plain_text import parse_json

PART_ROWS = 500
PART_SECONDS = 300.0
"""A part is written after this many rows, or after this many seconds."""


class Parts:
    """A folder of rows that pandas, Dask, DuckDB and others read as one table."""

    def __init__(self, path: Path) -> None:
        import_parquet()
        self.path = path
        self._journal = Lines(path / "_journal.jsonl")
        self._waiting = 0
        self._since = time.monotonic()

    def rows(self) -> Iterator[Row]:
        """Every row once; rows of the parts come first."""
        seen: set[str] = set()
        for part in self._parts():
            for row in read_part(part):
                if row["path"] not in seen:
                    seen.add(row["path"])
                    yield row
        for row in self._journal.rows():
            if row["path"] not in seen:
                seen.add(row["path"])
                yield row

    def begin(self, keep: Callable[[Row], bool] = lambda _: True) -> int:
        """Make the folder, or rewrite its parts (each whole or not at all) with the rows to keep.

        keep: called for every row. Returns how many rows were kept.
        """
        try:
            self.path.mkdir(exist_ok=True)
            for litter in self.path.glob(".*.part"):
                litter.unlink()
        except OSError as error:
            raise OutputError(f"cannot make {self.path}: {error.strerror or error}") from error
        seen: set[str] = set()
        kept = 0

        def stays(row: Row) -> bool:
            if row["path"] in seen or not keep(row):
                return False
            seen.add(row["path"])
            return True

        for part in self._parts():
            rows = list(read_part(part))
            staying = [row for row in rows if stays(row)]
            kept += len(staying)
            if not staying:
                part.unlink()
            elif len(staying) < len(rows):
                write_part(part, staying)
        self._waiting = self._journal.begin(stays)
        return kept + self._waiting

    def append(self, row: Row) -> None:
        """Add a row; it is on the disk when this returns. Raises OutputError."""
        try:
            row["path"].encode()
        except UnicodeEncodeError:
            raise OutputError(
                f"the name {row['path']!r} is not valid text, so Parquet cannot store it; choose "
                "an --out that ends in .jsonl"
            ) from None
        self._journal.append(row)
        self._waiting += 1
        if self._waiting >= PART_ROWS or time.monotonic() - self._since > PART_SECONDS:
            self._fold()

    def close(self) -> None:
        """Write the rows of the journal into a last part."""
        if self._waiting:
            self._fold()
        self._journal.close()

    def _fold(self) -> None:
        parts = self._parts()
        # if the last fold was interrupted, rows of the journal are in the last part already
        last = {row["path"] for row in read_part(parts[-1])} if parts else set()
        rows = [row for row in self._journal.rows() if row["path"] not in last]
        number = int(parts[-1].stem.partition("-")[2]) + 1 if parts else 0
        if rows:
            try:
                write_part(self.path / f"part-{number:06}.parquet", rows)
            except OutputError as error:
                raise OutputError(f"{error}; {GO_ON}") from error
        self._journal.clear()
        self._waiting, self._since = 0, time.monotonic()

    def _parts(self) -> list[Path]:
        return sorted(self.path.glob("part-*.parquet"))


def import_parquet() -> Any:
    """The module pyarrow.parquet. Raises SettingsError if it is not installed."""
    try:
        import pyarrow.parquet as parquet
    except ImportError:
        raise SettingsError(
            "Parquet needs pyarrow: pip install 'wsi-scale[batch]', or choose an --out that ends "
            "in .jsonl"
        ) from None
    return parquet


def write_part(path: Path, rows: list[Row]) -> None:
    """Write a part whole or not at all."""
    import pyarrow as pa

    parquet = import_parquet()
    names = schema().names
    cells = [{name: _cell(name, row.get(name)) for name in names} for row in rows]
    with replacing(path) as file:
        parquet.write_table(pa.Table.from_pylist(cells, schema=schema()), file, compression="zstd")


def read_part(path: Path) -> Iterator[Row]:
    """The rows of a part, as they were. Raises SettingsError for a file that is not a part."""
    import pyarrow as pa

    try:
        with import_parquet().ParquetFile(path) as part:
            number = 0
            for batch in part.iter_batches(100):
                for cells in batch.to_pylist():
                    number += 1
                    row = {name: _value(name, cell) for name, cell in cells.items()}
                    yield check_row(row, f"{path}, row {number}")
    except (pa.ArrowException, OSError, ValueError, TypeError, MemoryError) as error:
        raise SettingsError(
            f"{path} cannot be read as Parquet ({one_line(error, 100)}); restore it "
            "from a copy, or choose another --out"
        ) from error


def schema() -> Any:
    """The Parquet types of all columns, derived from the fields of the report."""
    import pyarrow as pa

    return pa.schema([(name, _arrow(kind)) for name, kind in columns().items()])


def _is_free(kind: Any) -> bool:
    """Whether values are maps to anything. Parquet has no such type, so they are kept as JSON."""
    return get_origin(kind) is dict and get_args(kind)[1] is Any


def _arrow(kind: Any) -> Any:
    import pyarrow as pa

    kind, _ = without_none(kind)
    plain = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}
    if kind in plain:
        return plain[kind]
    if _is_free(kind):
        return pa.string()
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        fields = kind.model_fields.items()
        return pa.struct([(name, _arrow(field.annotation)) for name, field in fields])
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (list, tuple):
        return pa.list_(_arrow(inner[0]))
    if origin is dict:
        return pa.map_(_arrow(inner[0]), _arrow(inner[1]))
    return pa.string()  # Literal


def _cell(name: str, value: Any) -> Any:
    if value is None:
        return None
    kind = columns()[name]
    if _is_free(kind):
        return json.dumps(value)
    return list(value.items()) if get_origin(kind) is dict else value


def _value(name: str, cell: Any) -> Any:
    kind = columns().get(name)
    if cell is None or get_origin(kind) is not dict:
        return cell
    return parse_json(cell) if _is_free(kind) else dict(cell)
