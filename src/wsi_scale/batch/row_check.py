"""Checks rows when they are read, by the types of the columns that wrote them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from wsi_scale.batch.row import OURS, Row, columns, without_none
from wsi_scale.errors import SettingsError, one_line
from wsi_scale.plumbing.plain_text import parse_json
from wsi_scale.report import Report

MOST_LINE = 1 << 26
"""Longest line of a file of rows, bytes; one of 46 sites has 50 kB."""

_LONE = re.compile(rb"\\ud[89a-f][0-9a-f]{2}", re.IGNORECASE)
"""Parts of characters, as in file names that are not valid text."""

_ABOVE_0 = ("scale", "mpp", "scale_interval", "mpp_interval", "process.peak_mib")
_LARGEST = 1e12
_MOST_OCTAVES = 64.0


class _Fault(Exception):  # noqa: N818  (a clause about a row)
    """What is wrong with a row."""


def row_of(line: bytes, where: str) -> Row:
    """The row in a line of JSON, with every column that it must have, each of its type.

    where: file and line, for the message. Raises SettingsError, one sentence, for anything else.
    """
    try:
        if len(line) > MOST_LINE:
            raise _Fault(f"has {len(line)} bytes and is not a row of wsi-scale batch")
        try:
            row = parse_json(line)
        except ValueError:
            raise _Fault("is not a row of wsi-scale batch") from None
        if not isinstance(row, dict) or not isinstance(row.get("path"), str):
            raise _Fault("is not a row of wsi-scale batch")
        return _checked(row, line)
    except _Fault as fault:
        raise SettingsError(
            f"{where} {fault}, and nothing was changed; restore the file from a copy, or choose "
            "another --out"
        ) from None


def check_row(row: Row, where: str) -> Row:
    """A row from Parquet, checked likewise. Raises SettingsError."""
    return row_of(json.dumps(row).encode(), where)


def _checked(row: Row, line: bytes) -> Row:
    if (missing := _lacking(row)) is not None:
        raise _Fault(f"lacks the column {missing}")
    try:
        _model().model_validate_json(_LONE.sub(b"?", line))
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else "?"
        says = "it must be above 0" if first["type"] == "greater_than" else first["msg"]
        raise _Fault(_wrong(name, row.get(name), says)) from None
    for name in _ABOVE_0:
        value = row.get(name)
        for one in value if isinstance(value, list) else [value]:
            if one is not None and not 0 < one < _LARGEST:
                raise _Fault(_wrong(name, value, "it must be above 0"))
    octaves = row.get("pixels.octaves")
    if octaves is not None and abs(octaves) > _MOST_OCTAVES:
        raise _Fault(_wrong("pixels.octaves", octaves, "no two sizes are so far apart"))
    if row["error"] is None and row["verdict"] is None:
        raise _Fault("has neither an answer nor an error")
    return row


def _wrong(name: str, value: Any, said: str) -> str:
    shown = one_line(json.dumps(value), 60)
    return f"has {shown} in the column {name} ({one_line(said, 120)})"


@cache
def _model() -> type[BaseModel]:
    """One field per column; which of them must be there is another question."""
    fields: dict[str, Any] = {
        f"c{number}": (kind | None, Field(None, alias=name))
        for number, (name, kind) in enumerate(columns().items())
    }
    config = ConfigDict(strict=True, extra="ignore", allow_inf_nan=False)
    return create_model("_Columns", __config__=config, **fields)


def _lacking(row: Row) -> str | None:
    """The first column that a row should have and lacks; None if none.

    Fields with a default may be missing, since earlier versions did not write them, and so may the
    whole of a part with a default; but a part is there with all that it needs, or not at all.
    """
    for name in OURS:
        if name not in row:
            return name
    for needed in _needed():
        prefix = needed.rpartition(".")[0]
        optional = prefix and Report.model_fields[prefix.partition(".")[0]].default is None
        if needed not in row and not (optional and not _has_any(row, prefix)):
            return needed
    return None


def _has_any(row: Row, prefix: str) -> bool:
    return any(name.startswith(f"{prefix}.") for name in row)


@cache
def _needed() -> tuple[str, ...]:
    """The columns of fields without a default."""
    return tuple(_without_default(Report, ""))


def _without_default(model: type[BaseModel], prefix: str) -> Iterator[str]:
    for name, field in model.model_fields.items():
        key = prefix + (field.serialization_alias or name)
        kind, _ = without_none(field.annotation)
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from _without_default(kind, f"{key}.")
        elif field.is_required():
            yield key
