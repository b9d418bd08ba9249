"""``wsi-scale info``: what a slide states about itself and, with --pixels, what its pixels show."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from typing import Annotated

import typer

from wsi_scale.cli.options import JsonOption, MppOption, ReaderOption, SlideArgument
from wsi_scale.cli.outputs import check_json, info_json, inputs_of, refuse_to_replace, write_text
from wsi_scale.cli.progress_bar import follow, load
from wsi_scale.cli.show import out, print_info
from wsi_scale.errors import SettingsError
from wsi_scale.judgement.rules import ENOUGH_SITES
from wsi_scale.pipeline.settings import DEFAULT_NETWORK, Settings
from wsi_scale.report import PixelAudit
from wsi_scale.slide.base import Slide
from wsi_scale.slide.readers import open_slide

NOT_ASKED = "Pixel size not checked; --pixels does that."


def info(
    slide: SlideArgument,
    reader: ReaderOption = None,
    mpp: MppOption = None,
    pixels: Annotated[
        bool,
        typer.Option(
            "--pixels",
            help="Estimate the µm/px from the pixels with a network, and compare it with what the "
            "slide states.",
        ),
    ] = False,
    network: Annotated[
        str | None,
        typer.Option(
            metavar="SPEC",
            help=f"Network for --pixels. Default: {DEFAULT_NETWORK}.",
        ),
    ] = None,
    free_colour: Annotated[
        bool,
        typer.Option(
            "--free-colour",
            help="Fit the slide's colours to the training data first, so that stain is not taken "
            "for scale. For --pixels.",
        ),
    ] = False,
    device: Annotated[
        str,
        typer.Option(metavar="NAME", help="Device for --pixels: auto, cpu, cuda or mps."),
    ] = "auto",
    json: JsonOption = None,
) -> None:
    """Show a slide's levels, pixel size, reader and metadata.

    In: a slide. Out: text on stdout: its levels, its µm/px, the reader that opened it, and every
    statement of the file about its pixel size. With --pixels the stated µm/px is also compared
    with what the pixels look like: agree, conflict or undecidable.
    """
    if not pixels and (network is not None or free_colour):
        raise SettingsError("--network and --free-colour only work with --pixels; add it")
    spec = network or DEFAULT_NETWORK
    if json is not None:
        check_json(json)
        refuse_to_replace(inputs_of(slide, None, spec) if pixels else [slide], [json])
    with open_slide(slide, reader=reader, mpp=mpp) as opened:
        found, told = (None, NOT_ASKED)
        if pixels:
            with redirect_stdout(sys.stderr):  # a user's network may print
                found, told = _ask_pixels(opened, spec, device, free_colour)
        if json is not None:
            write_text(json, info_json(opened, found))
        if json != "-":
            print_info(opened)
            out.print(told, soft_wrap=True)


def _ask_pixels(
    slide: Slide, spec: str, device: str, free_colour: bool
) -> tuple[PixelAudit | None, str]:
    """The slide's µm/px by a quick estimate, compared with what it states; and that in words."""
    asked = load(spec, device)
    if asked.card.training_mpp is None:
        return None, (
            f"Pixel size not checked: {asked.name} does not say at which µm/px it was trained; "
            "name a network that does with --network, or add mpp= to its SPEC."
        )
    settings = Settings(sites=ENOUGH_SITES, colour_fit=free_colour or None, as_is_sites=0)
    progress, cancelled = follow(slide, asked, settings)
    report = None if progress is None else progress.report()
    if cancelled or report is None or report.pixels is None:
        raise KeyboardInterrupt
    return report.pixels, f"pixels: {report.pixels.status} ({report.pixels.reason})"
