"""Writes results to files: the report, its sites as a table or shapes, the picture."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from wsi_scale.errors import OutputError
from wsi_scale.plumbing.files import write_atomically
from wsi_scale.render.command import command
from wsi_scale.render.site_tables import sites_csv, sites_geojson
from wsi_scale.report import Report
from wsi_scale_napari.work import Request, Strip

if TYPE_CHECKING:
    from wsi_scale.pipeline.progress import Progress

KINDS = "Report (*.json);;Sites (*.csv);;Picture (*.png);;Sites for QuPath (*.geojson)"
SUFFIXES = (".json", ".csv", ".png", ".geojson")


@dataclass(frozen=True)
class Result:
    """An answer, its patches and the request behind it."""

    report: Report
    strip: Strip
    request: Request
    progress: Progress | None = None
    """The run behind it, with its network; None if there was none."""

    @property
    def drawn(self) -> str | None:
        """File with the outlines that were drawn for it; None if none were drawn."""
        region = self.request.settings.region
        return region if region is not None and Path(region).is_file() else None


def export(result: Result, path: Path) -> Path | None:
    """Write the kind of file that the suffix names. If the report has a drawn region, also write
    its outlines and return their path. Raises OutputError for another suffix or a bad path."""
    kind = path.suffix.lower()
    if kind == ".json":
        return _export_report(result, path)
    if kind == ".csv":
        write_atomically(path, sites_csv(result.report))
    elif kind == ".geojson":
        write_atomically(path, sites_geojson(result.report))
    elif kind == ".png":
        from wsi_scale.render.figure import draw_estimate

        draw_estimate(result.report, result.strip, path)
    else:
        raise OutputError(f"cannot write {path}; the suffix must be one of {', '.join(SUFFIXES)}")
    return None


def _export_report(result: Result, path: Path) -> Path | None:
    if result.drawn is None:
        write_atomically(path, result.report.to_json())
        return None
    region = save_region(result, path.with_suffix(".region.geojson"))
    write_atomically(path, with_region(result.report, str(region)).to_json())
    return region


def save_region(result: Result, path: Path) -> Path:
    """Copy the drawn outlines to a permanent file."""
    assert result.drawn is not None
    try:
        shutil.copyfile(result.drawn, path)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error
    return path


def with_region(report: Report, region: str) -> Report:
    """The report as if the region had been read from that file."""
    settings = report.provenance.settings | {"region": region}
    provenance = report.provenance.model_copy(update={"settings": settings})
    return report.model_copy(update={"provenance": provenance})


def command_of(result: Result, region: Path | None) -> str:
    """The shell command that reproduces this report; region: where the outlines were saved."""
    saved = None if region is None else str(region)
    asked = result.request
    return command(result.report, asked.settings, device=asked.device, region=saved)
