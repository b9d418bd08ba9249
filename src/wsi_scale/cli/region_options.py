"""Options for the part of a slide that is used."""

from __future__ import annotations

from typing import Annotated, get_args

import typer

from wsi_scale.errors import SettingsError
from wsi_scale.pipeline.settings import RegionOrigin

RegionOption = Annotated[
    str | None,
    typer.Option(
        metavar="GEOJSON|x,y,w,h",
        help="Part of the slide to use: a GeoJSON file with polygons, or a box, both in level-0 "
        "pixels. Areas of class Ignore* are left out. Default: all tissue.",
    ),
]
RegionOriginOption = Annotated[
    str,
    typer.Option(
        metavar="auto|bounds|level0",
        help="From where the region counts: bounds, the corner of the slide's bounds, as in "
        "QuPath; level0, the corner of level 0, as in OpenSlide; auto: as the file and the place "
        "of the region suggest.",
    ),
]
RegionClassOption = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Only the region's areas of this class of QuPath."),
]


def parse_origin(text: str) -> RegionOrigin:
    """The frame of --region-origin. Raises SettingsError for a word that is none.

    >>> parse_origin("bounds")
    'bounds'
    """
    for word in get_args(RegionOrigin):
        if text == word:
            found: RegionOrigin = word
            return found
    raise SettingsError(f"--region-origin must be auto, bounds or level0, got {text!r}")
