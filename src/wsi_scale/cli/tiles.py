"""``wsi-scale tiles``: the tiles of a slide at a scale, or all of them as one picture."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from wsi_scale.cli.options import MppOption, ReaderOption, SlideArgument
from wsi_scale.cli.outputs import inputs_of, refuse_to_replace
from wsi_scale.cli.parsers import number, whole_number
from wsi_scale.cli.progress_bar import following
from wsi_scale.cli.region_options import (
    RegionClassOption,
    RegionOption,
    RegionOriginOption,
    parse_origin,
)
from wsi_scale.cli.show import err, out
from wsi_scale.errors import SettingsError
from wsi_scale.networks.absent import USUAL_PX
from wsi_scale.report import Report
from wsi_scale.slide.base import Slide
from wsi_scale.slide.readers import open_slide
from wsi_scale.slide.resolution import scale_for

ReportOption = Annotated[
    Path | None,
    typer.Option(metavar="JSON", help="Report of `wsi-scale estimate --json`: its scale is used."),
]
ScaleOption = Annotated[
    float | None,
    typer.Option(
        metavar="A", parser=number, help="Scale: level-0 pixels per pixel of a tile, a number."
    ),
]
WantedOption = Annotated[
    float | None,
    typer.Option(
        "--at-mpp", metavar="X", parser=number, help="µm per pixel of a tile; needs the slide's."
    ),
]
OutOption = Annotated[
    Path | None, typer.Option("--out", metavar="FOLDER", help="Where the tiles go, as PNG files.")
]
PictureOption = Annotated[
    Path | None,
    typer.Option(metavar="FILE.png", help="Write all tiles as one picture at that scale."),
]
SizeOption = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        parser=whole_number,
        help="Side of a tile in pixels. Default: the network's, as the report says, else "
        f"{USUAL_PX}.",
    ),
]
OverlapOption = Annotated[
    int,
    typer.Option(metavar="N", parser=whole_number, help="Pixels that neighbouring tiles share."),
]
AllOption = Annotated[
    bool, typer.Option("--all", help="Keep tiles without tissue too. Default: tissue only.")
]


def tiles(
    slide: SlideArgument,
    report: ReportOption = None,
    scale: ScaleOption = None,
    at_mpp: WantedOption = None,
    out_folder: OutOption = None,
    picture: PictureOption = None,
    size: SizeOption = None,
    overlap: OverlapOption = 0,
    region: RegionOption = None,
    region_origin: RegionOriginOption = "auto",
    region_class: RegionClassOption = None,
    everywhere: AllOption = False,
    mpp: MppOption = None,
    reader: ReaderOption = None,
) -> None:
    """Cut the tiles of a slide at the scale that was found.

    In: a slide, and a report, a scale or a µm/px. Out: a folder of PNG tiles with places.csv, a
    table of where each lies in level-0 pixels; or one picture of the whole at that scale.

    Tiles are cut from the native level that suits the scale and resampled. Stop at any time: the
    finished tiles and their lines are kept.
    """
    from wsi_scale.tiling.cut import tiles as cut
    from wsi_scale.tiling.save import make_empty, save_picture, save_tiles

    if (out_folder is None) == (picture is None):
        raise SettingsError("name either a folder for the tiles (--out) or one --picture")
    found = None if report is None else read_report(report)
    result = out_folder or picture
    assert result is not None
    inputs = [*inputs_of(slide, region, ""), *([str(report)] if report else [])]
    refuse_to_replace(inputs, [result])
    with open_slide(slide, reader=reader, mpp=mpp) as opened:
        chosen = _scale(opened, found, scale, at_mpp)
        side = size or (found.network.input_size if found else 0) or USUAL_PX
        if picture is None:
            _refuse_oversize(opened, chosen, side)
        them = cut(
            opened,
            scale=chosen,
            size=side,
            overlap=overlap,
            region=region,
            region_origin=parse_origin(region_origin),
            region_class=region_class,
            tissue=not everywhere,
        )
        if picture is None:
            make_empty(result)
        write = save_tiles(them, result) if picture is None else save_picture(them, result)
        height, width = them.shape
        count = f"{len(them)} tile{'' if len(them) == 1 else 's'}"
        wide = f"{chosen * side:.4g} px of the slide wide"
        err.print(f"{count} of {side} px, each {wide}, at scale {chosen:.4g}", soft_wrap=True)
        with following() as tell:
            for done in write:
                tell("cutting tiles", done, len(them))
        what = count if picture is None else f"{width} × {height} px"
        out.print(f"{what} at scale {chosen:.4g} of {side} px in {result}", soft_wrap=True)


def _refuse_oversize(slide: Slide, scale: float, size: int) -> None:
    """Raise SettingsError if one tile is wider and higher than the slide."""
    longer = max(slide.bounds.width, slide.bounds.height)
    if scale * size > longer:
        raise SettingsError(
            f"a tile of {size} px at scale {scale:.4g} is {scale * size:.0f} px of the slide wide, "
            f"but the slide's longer side has {longer:g}; check the scale, or take a smaller --size"
        )


def read_report(path: Path) -> Report:
    """The report in a JSON file. Raises SettingsError for anything else."""
    try:
        return Report.from_json(path.read_bytes())
    except OSError as error:
        raise SettingsError(f"cannot read {path}: {error.strerror or error}") from error
    except (ValidationError, RecursionError) as error:
        raise SettingsError(
            f"{path} is no report; make one with wsi-scale estimate SLIDE --json {path}"
        ) from error


def _scale(slide: Slide, report: Report | None, scale: float | None, at_mpp: float | None) -> float:
    """The scale that one of the three options gives."""
    if sum(x is not None for x in (report, scale, at_mpp)) != 1:
        raise SettingsError("give one of --report, --scale and --at-mpp")
    if scale is not None:
        return scale
    if at_mpp is not None:
        if slide.mpp is None:
            raise SettingsError(
                f"{slide.path} states no µm/px, so --at-mpp {at_mpp:g} tells no scale; give the "
                "slide's with --mpp, or find the scale with wsi-scale estimate"
            )
        return scale_for(at_mpp, slide.mpp)
    assert report is not None
    finest, of = slide.levels[0], report.slide.levels[0]
    if (finest.width, finest.height) != (of.width, of.height):
        raise SettingsError(
            f"the report is about {report.slide.path} of {of.width} × {of.height} px, but "
            f"{slide.path} has {finest.width} × {finest.height} px; name that slide's own report"
        )
    if report.scale is None:
        raise SettingsError(f"no scale was found: {report.reason}; give one with --scale")
    if report.verdict != "ok":
        err.print(f"warning: {report.verdict}: {report.reason}", soft_wrap=True)
    return report.scale
