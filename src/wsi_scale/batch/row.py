"""One row a slide: its report, flattened, or the reason why there is none."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from wsi_scale.report import Report

Row = dict[str, Any]
"""Values of one slide by column; always all of ``columns()``, None where there is none."""

Kind = Literal["slide", "settings", "network", "memory", "crash", "time", "worker", "unexpected"]
"""Why a slide has no answer: what it is; what was asked; the network; too little memory; its
process died; it took too long; the cluster's workers died; a bug."""

OURS: dict[str, type] = {
    "path": str,
    "cohort": str,
    "scanner": str,
    "error": str,
    "error_kind": str,
}
"""Columns before those of the report."""

PROCESS: dict[str, type] = {
    "process.host": str,
    "process.attempts": int,
    "process.seconds": float,
    "process.peak_mib": float,
    "process.rest_mib": float,
}
"""Columns after them: where it was done, in how many tries and how long, the most memory that any
process which tried it has held so far, and what the last held when the slide was done."""


def flatten(report: Report) -> Row:
    """The report's columns: parts are spread out (``slide.mpp``), lists and maps stay one value.

    ``unflatten`` makes the report again.
    """
    return dict(_spread(Report, report.model_dump(mode="json", by_alias=True), ""))


def unflatten(row: Row) -> Report:
    """The report of a row without error. Columns of later versions are ignored."""
    return Report.model_validate(_gather(Report, row, ""))


def failed_row(kind: Kind, error: str) -> Row:
    """The row of a slide without an answer: one sentence, and no scale."""
    return dict.fromkeys(columns()) | {"error": error, "error_kind": kind}


@cache
def columns() -> dict[str, Any]:
    """Every column of a row, in order, with the Python type of its values."""
    return OURS | dict(_types(Report, "")) | PROCESS


def _types(model: type[BaseModel], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, kind, part, _ in _fields(model):
        if part is None:
            yield prefix + key, kind
        else:
            yield from _types(part, f"{prefix}{key}.")


def _spread(model: type[BaseModel], content: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    for key, _, part, _ in _fields(model):
        value = None if content is None else content[key]
        if part is None:
            yield prefix + key, value
        else:
            yield from _spread(part, value, f"{prefix}{key}.")


def _gather(model: type[BaseModel], row: Row, prefix: str) -> dict[str, Any] | None:
    content: dict[str, Any] = {}
    for key, _, part, may_lack in _fields(model):
        if part is None:
            if prefix + key in row:
                content[key] = row[prefix + key]
            continue
        inner = _gather(part, row, f"{prefix}{key}.")
        empty = inner is not None and all(value is None for value in inner.values())
        content[key] = None if may_lack and empty else inner
    return content


@cache
def _fields(model: type[BaseModel]) -> list[tuple[str, Any, type[BaseModel] | None, bool]]:
    """(key in JSON, type without None, that type if it is a part, whether it may be None)."""
    found = []
    for name, field in model.model_fields.items():
        kind, may_lack = without_none(field.annotation)
        part = kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None
        found.append((field.serialization_alias or name, kind, part, may_lack))
    return found


def without_none(kind: Any) -> tuple[Any, bool]:
    """A type without its None, and whether it had one: ``float | None`` -> (float, True)."""
    if get_origin(kind) in (Union, UnionType):
        others = [x for x in get_args(kind) if x is not NoneType]
        if len(others) == 1:
            return others[0], True
    return kind, False
