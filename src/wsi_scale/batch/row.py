"""One row per slide: its flattened report, or the reason why it has none."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from wsi_scale.report import Report

Row = dict[str, Any]
"""The values of one slide by column. All ``columns()`` are present; missing values are None."""

Kind = Literal["slide", "settings", "network", "memory", "crash", "time", "worker", "unexpected"]
"""Why a slide has no answer: the slide is unusable; the settings do not fit it; the network refused
it; memory ran out; its process died; it took too long; the cluster's workers died; a bug."""

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
"""Columns after those of the report: the machine, the number of tries, seconds in total, the most
memory (MiB) that a process which tried the slide had held, and the memory held afterwards."""


def flatten(report: Report) -> Row:
    """The report as a flat row; `unflatten` restores the report.

    Parameters
    ----------
    report : Report
        The report of one slide.

    Returns
    -------
    dict
        Values by column. The fields of a part get a dotted name (``slide.mpp``); lists and maps
        stay one value. All values can be written as JSON.

    Examples
    --------
    >>> import wsi_scale
    >>> settings = wsi_scale.Settings(sites=1, scales=(1, 2), per_octave=1, as_is_sites=0)
    >>> report = wsi_scale.estimate_slide(
    ...     "synthetic:figures?width=800&height=600", "figures", settings
    ... )
    >>> row = flatten(report)
    >>> row["slide.reader"], row["network.name"]
    ('synthetic', 'figures')
    >>> unflatten(row) == report
    True
    """
    return dict(_spread(Report, report.model_dump(mode="json", by_alias=True), ""))


def unflatten(row: Row) -> Report:
    """The report behind a row; the inverse of `flatten`.

    Parameters
    ----------
    row : dict
        A row whose ``error`` is None, from `flatten` or from a ``.jsonl`` file. Unknown columns
        (of a later version, say) are ignored.

    Returns
    -------
    Report
        The report of the slide.

    Raises
    ------
    pydantic.ValidationError
        When the row holds no report, as the row of a failed slide.

    Examples
    --------
    >>> import json
    >>> with open("rows.jsonl") as rows:  # doctest: +SKIP
    ...     reports = [unflatten(row) for row in map(json.loads, rows) if row["error"] is None]
    """
    return Report.model_validate(_gather(Report, row, ""))


def failed_row(kind: Kind, error: str) -> Row:
    """The row of a slide without an answer: its error, and None in every column of the report.

    >>> row = failed_row("slide", "a.svs is empty")
    >>> row["error_kind"], row["error"], row["scale"]
    ('slide', 'a.svs is empty', None)
    """
    return dict.fromkeys(columns()) | {"error": error, "error_kind": kind}


@cache
def columns() -> dict[str, Any]:
    """All columns of a row, in order, with the Python type of their values."""
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
    """Per field: key in JSON, type without None, that type if a part, whether it may be None."""
    found = []
    for name, field in model.model_fields.items():
        kind, may_lack = without_none(field.annotation)
        part = kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None
        found.append((field.serialization_alias or name, kind, part, may_lack))
    return found


def without_none(kind: Any) -> tuple[Any, bool]:
    """A type without its None and its bounds, and whether it had a None.

    >>> from pydantic import PositiveFloat
    >>> without_none(float | None), without_none(PositiveFloat)
    ((<class 'float'>, True), (<class 'float'>, False))
    """
    may_lack = False
    if get_origin(kind) in (Union, UnionType):
        others = [x for x in get_args(kind) if x is not NoneType]
        if len(others) == 1:
            kind, may_lack = others[0], True
    if get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    return kind, may_lack
