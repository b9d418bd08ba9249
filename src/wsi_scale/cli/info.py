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
from wsi_scale.errors import NetworkError, SettingsError, one_line
from wsi_scale.judgement.rules import ENOUGH_SITES
from wsi_scale.pipeline.settings import Settings
from wsi_scale.pixel_size.audit import audit_slide
from wsi_scale.pixel_size.read_tissue import measure_pixel_size
from wsi_scale.report import PixelAudit
from wsi_scale.slide.base import Slide
from wsi_scale.slide.readers import open_slide

CONFLICT = 3
"""Exit code if the stated µm/px conflicts with the tissue."""

NOT_ASKED = "Pixel size not checked; --pixels does that."


def info(
    slide: SlideArgument,
    reader: ReaderOption = None,
    mpp: MppOption = None,
    pixels: Annotated[
        bool,
        typer.Option(
            "--pixels",
            help="Read the µm/px from the tissue with the ruler, and compare it with what the "
            "slide states. Exit code 3 if they conflict.",
        ),
    ] = False,
    network: Annotated[
        str | None,
        typer.Option(
            metavar="SPEC",
            help="For --pixels: ask this network, which must know its training µm/px, in place of "
            "the ruler.",
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
    with what the tissue looks like: agree, conflict (exit code 3) or undecidable.
    """
    if not pixels and (network is not None or free_colour):
        raise SettingsError("--network and --free-colour only work with --pixels; add it")
    if network is None and free_colour:
        raise SettingsError("--free-colour needs the --network whose training colours are meant")
    if json is not None:
        check_json(json)
        refuse_to_replace(inputs_of(slide, None, network or "") if pixels else [slide], [json])
    with open_slide(slide, reader=reader, mpp=mpp) as opened:
        found, told = (None, NOT_ASKED)
        if pixels:
            with redirect_stdout(sys.stderr):  # a user's network may print
                if network is None:
                    found = audit_slide(opened, measure_pixel_size(opened, device=device))
                    told = f"pixels: {found.status} ({found.reason})"
                else:
                    found, told = _ask_network(opened, network, device, free_colour)
        if json != "-":
            print_info(opened)
            out.print(one_line(told), soft_wrap=True)
        if json is not None:
            write_text(json, info_json(opened, found))
    if found is not None and found.status == "conflict":
        raise typer.Exit(CONFLICT)


def _ask_network(
    slide: Slide, spec: str, device: str, free_colour: bool
) -> tuple[PixelAudit | None, str]:
    """The slide's µm/px by a quick estimate, compared with what it states; and that in words."""
    asked = load(spec, device)
    if asked.absent:
        raise NetworkError(
            f"{asked.name} is not here, so it cannot be asked; leave out --network, and the ruler "
            "answers"
        )
    if asked.card.training_mpp is None:
        return None, (
            f"Pixel size not checked: {asked.name} does not say at which µm/px it was trained; "
            "name a network that does with --network, or add mpp= to its SPEC."
        )
    settings = Settings(
        sites=ENOUGH_SITES, ruler=False, colour_fit=free_colour or None, as_is_sites=0
    )
    progress, cancelled = follow(slide, asked, settings)
    report = None if progress is None else progress.report()
    if cancelled or report is None or report.pixels is None:
        raise KeyboardInterrupt
    return report.pixels, f"pixels: {report.pixels.status} ({report.pixels.reason})"
