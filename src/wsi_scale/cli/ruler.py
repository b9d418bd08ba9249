"""``wsi-scale ruler``: the size of a slide's pixels, read from its tissue."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from wsi_scale.cli.options import DeviceOption, JsonOption, ReaderOption, SeedOption, SlideArgument
from wsi_scale.cli.outputs import check_json, inputs_of, refuse_to_replace, write_text
from wsi_scale.cli.parsers import pixel_size
from wsi_scale.cli.region_options import (
    RegionClassOption,
    RegionOption,
    RegionOriginOption,
    parse_origin,
)
from wsi_scale.cli.show import err, out
from wsi_scale.pixel_size.ruler_report import RulerReport
from wsi_scale.pixel_size.ruler_report import ruler as ask

NOT_OK = 3

ClaimOption = Annotated[
    Any,
    typer.Option(
        metavar="X|X,Y",
        parser=pixel_size,
        help="µm/px to compare with the tissue, in place of what the slide states.",
    ),
]


def ruler(
    slide: SlideArgument,
    region: RegionOption = None,
    region_origin: RegionOriginOption = "auto",
    region_class: RegionClassOption = None,
    reader: ReaderOption = None,
    mpp: ClaimOption = None,
    seed: SeedOption = 0,
    device: DeviceOption = "auto",
    json: JsonOption = None,
) -> None:
    """Read the size of a slide's pixels (µm/px) from its tissue.

    In: a slide of H&E. Out: µm/px with its 90 % interval and a verdict, and whether what the file
    states agrees with it. The metadata are not used for the answer, and no network need be named:
    the ruler has one of its own.
    """
    if json is not None:
        check_json(json)
        refuse_to_replace(inputs_of(slide, region, ""), [json])
    err.print("reading the tissue …")
    report = ask(
        slide,
        region=region,
        region_origin=parse_origin(region_origin),
        region_class=region_class,
        reader=reader,
        mpp=mpp,
        seed=seed,
        device=device,
    )
    if json != "-":
        print_ruler(report)
    if json is not None:
        write_text(json, report.to_json())
    if report.size.verdict != "ok":
        raise typer.Exit(NOT_OK)


def print_ruler(report: RulerReport) -> None:
    """The answer in a few sentences."""
    size = report.size
    found = "no answer"
    if size.mpp is not None and size.interval is not None:
        low, high = size.interval
        level = f"{size.interval_level:.0%} interval {low:.3g}–{high:.3g}"
        found = f"{size.mpp:.3g} µm/px ({level})"
    out.print(f"{size.verdict}: {found}", style="bold", soft_wrap=True)
    if size.verdict != "ok":
        out.print(f"why: {size.reason}", soft_wrap=True)
    if size.mpp is not None:
        out.print(f"metadata: {report.pixels.status} ({report.pixels.reason})", soft_wrap=True)
    for note in report.notes:
        out.print(f"note: {note}", soft_wrap=True)
