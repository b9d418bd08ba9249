"""Options that say where things lie on the slide: sites to a file, and the scale map."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wsi_scale.cli.parsers import number
from wsi_scale.cli.progress_bar import following
from wsi_scale.cli.show import err, out
from wsi_scale.errors import OutputError, WsiScaleError
from wsi_scale.plumbing.files import write_atomically

if TYPE_CHECKING:
    from wsi_scale.judgement.places import ScaleMap
    from wsi_scale.pipeline.progress import Progress
    from wsi_scale.report import Report

GEOJSON, CSV = ".geojson", ".csv"
PICTURES = (".png", ".pdf", ".svg")

MapOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Save the answer part by part over the tissue, as .geojson for QuPath or as a picture "
        "(.png, .pdf or .svg). Takes several times as long as the answer.",
    ),
]
MapTileOption = Annotated[
    float | None,
    typer.Option(
        metavar="PX",
        parser=number,
        help="Side of one part of --map in level-0 pixels. Default: 2.5 patches at the slide's "
        "scale, more on a large slide.",
    ),
]
SitesFileOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Save the places that were measured, with each one's own answer, as .geojson for "
        "QuPath or as .csv.",
    ),
]


def check_endings(map_file: Path | None, sites_file: Path | None) -> None:
    """Raise OutputError for names that do not say what to write."""
    if map_file is not None and map_file.suffix.lower() not in (GEOJSON, *PICTURES):
        raise OutputError(f"--map must end in .geojson, .png, .pdf or .svg, got {map_file}")
    if sites_file is not None and sites_file.suffix.lower() not in (GEOJSON, CSV):
        raise OutputError(f"--sites-file must end in .geojson or .csv, got {sites_file}")


def write_sites(report: Report, path: Path) -> None:
    """Write the sites of a report as GeoJSON or CSV, by the name of the file."""
    from wsi_scale.exports.places_file import sites_csv, sites_geojson

    write = sites_csv if path.suffix.lower() == CSV else sites_geojson
    write_atomically(path, write(report))


def write_map(progress: Progress, path: Path, tile: float | None) -> bool:
    """Measure the map and write it; False if it was stopped. What was measured then is written.

    Raises OutputError when the map cannot be made or written.
    """
    from wsi_scale.render.map_words import map_headline

    found, whole = _measure(progress, path, tile)
    if found is None or (found.partial and not found.tiles):
        err.print("the map was stopped before its first part, so it was not written")
        return whole
    write_atomically(path, _content(progress, found, path))
    out.print(f"map: {map_headline(found)}; in {path}", soft_wrap=True)
    return whole


def _measure(progress: Progress, path: Path, tile: float | None) -> tuple[ScaleMap | None, bool]:
    from wsi_scale.pipeline.scale_map import map_tile_by_tile

    found: ScaleMap | None = None
    try:
        with redirect_stdout(sys.stderr), following() as tell:  # a user's network may print
            for found in map_tile_by_tile(progress, tile=tile):
                tell("measuring the map", len(found.tiles), found.planned)
    except KeyboardInterrupt:
        return found, False
    except WsiScaleError as error:
        raise OutputError(f"{path} was not written: {error}") from error
    return found, True


def _content(progress: Progress, found: ScaleMap, path: Path) -> str | bytes:
    if path.suffix.lower() == GEOJSON:
        from wsi_scale.exports.places_file import map_geojson

        return map_geojson(found)
    from wsi_scale.render.map_picture import map_picture
    from wsi_scale.sites.overview import take_overview

    kind = path.suffix.lower().removeprefix(".")
    return map_picture(found, take_overview(progress.run.slide, None), kind)
