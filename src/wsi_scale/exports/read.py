"""Reports from files: one report, or the rows of a batch."""

from __future__ import annotations

import json
import os
from pathlib import Path

from pydantic import ValidationError

from wsi_scale.batch.row import unflatten
from wsi_scale.batch.store import open_store
from wsi_scale.errors import SettingsError
from wsi_scale.report import Report

ROWS = (".jsonl", ".ndjson", ".parquet")


def read_reports(path: str | os.PathLike[str]) -> tuple[list[Report], list[str]]:
    """The reports in a file, and one sentence about each slide that failed in the batch.

    Parameters
    ----------
    path : str or path
        A report of ``wsi-scale estimate --json``, or the rows of ``wsi-scale batch --out``:
        a ``.jsonl`` file or a ``.parquet`` folder.

    Returns
    -------
    reports : list of Report
        In the order of the file.
    failed : list of str
        Slides of the batch that have no report, with the reason.

    Raises
    ------
    SettingsError
        When the file cannot be read or holds no report.

    Examples
    --------
    >>> import numpy as np
    >>> from wsi_scale import estimate_slide
    >>> report = estimate_slide(np.full((300, 400, 3), 255, np.uint8), "figures")
    >>> _ = Path("report.json").write_text(report.to_json())
    >>> reports, failed = read_reports("report.json")
    >>> reports == [report], failed
    (True, [])
    """
    source = Path(path)
    if not source.exists():
        raise SettingsError(f"there is no file {source}; check the path")
    if source.suffix.lower() in ROWS:
        return _rows(source)
    try:
        return [Report.from_json(source.read_bytes())], []
    except OSError as error:
        raise SettingsError(f"cannot read {source}: {error.strerror or error}") from error
    except (ValidationError, RecursionError) as error:
        raise SettingsError(_no_report(source)) from error


def _no_report(source: Path) -> str:
    what = "no report"
    try:
        schema = json.loads(source.read_bytes()).get("schema", "")
        if "ruler" in str(schema):
            what = "a reading of the ruler, which has no scale"
    except (ValueError, AttributeError, RecursionError):
        pass
    return (
        f"{source} is {what}; export a report of wsi-scale estimate --json, or the rows "
        "(.jsonl, .parquet) of wsi-scale batch"
    )


def _rows(source: Path) -> tuple[list[Report], list[str]]:
    store = open_store(source)
    reports, failed = [], []
    try:
        for row in store.rows():
            if row["error"] is not None:
                failed.append(f"{row['path']} failed in the batch: {row['error']}")
                continue
            try:
                reports.append(unflatten(row))
            except ValidationError as error:
                raise SettingsError(
                    f"the row of {row['path']} in {source} is no report; make the rows again"
                ) from error
    finally:
        store.close()
    return reports, failed
