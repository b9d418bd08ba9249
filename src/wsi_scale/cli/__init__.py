"""The command line. The answer goes to stdout; progress and errors go to stderr."""

from __future__ import annotations

from wsi_scale.plumbing.stop_signals import leave_quietly, stop_by_exception

leave_quietly()  # before the imports below, which take a second

import errno
import io
import logging
import os
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Annotated, Any

import typer

from wsi_scale.cli import evaluate, thesis
from wsi_scale.cli.batch import batch
from wsi_scale.cli.calibrate import calibrate
from wsi_scale.cli.copy_sample import sample
from wsi_scale.cli.doctor import doctor
from wsi_scale.cli.export_report import export
from wsi_scale.cli.help_endings import (
    BATCH_END,
    DOCTOR_END,
    DONE,
    ESTIMATE_END,
    EVALUATE_END,
    EXPORT_END,
    INFO_END,
    MAIN_END,
    MAIN_HELP,
    RULER_END,
)
from wsi_scale.cli.info import info
from wsi_scale.cli.list_networks import networks
from wsi_scale.cli.network_options import spec_of
from wsi_scale.cli.options import (
    DeviceOption,
    JsonOption,
    SlideArgument,
    settings_of,
    takes,
)
from wsi_scale.cli.outputs import Outputs, inputs_of
from wsi_scale.cli.places_options import MapOption, MapTileOption, SitesFileOption
from wsi_scale.cli.progress_bar import follow, load
from wsi_scale.cli.region_options import (
    RegionClassOption,
    RegionOption,
    RegionOriginOption,
    parse_origin,
)
from wsi_scale.cli.ruler import ruler
from wsi_scale.cli.show import detail_of, err, flush_stdout, stdout_failed
from wsi_scale.cli.tiles import tiles
from wsi_scale.errors import WsiScaleError, one_line
from wsi_scale.pipeline.settings import Settings
from wsi_scale.plumbing.version import __version__
from wsi_scale.slide.readers import open_slide

EXIT_OK, EXIT_BAD_INPUT, EXIT_NOT_OK, EXIT_CANCELLED = 0, 2, 3, 130

# Typer brings its own copy of click or uses the installed one, depending on its version
_UsageError: type[Exception] = typer.BadParameter.__bases__[0]
app = typer.Typer(
    name="wsi-scale",
    help=MAIN_HELP,
    epilog=MAIN_END,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def main() -> None:
    """Run the command line. Wrong input gives one sentence and exit code 2."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # µ and × become ? where only ASCII can be shown
    # otherwise waiting threads keep their cores busy: four times the work on a busy machine
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    stop_by_exception()
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code. A bug keeps its traceback."""
    logging.basicConfig(level=logging.ERROR, format="%(message)s")
    try:
        code = app(arguments or ["--help"], standalone_mode=False, prog_name=app.info.name)
        flush_stdout()
    except WsiScaleError as error:
        return _complain(str(error))
    except _UsageError as error:
        return _complain(_usage(error))
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EPIPE) and error.filename is None:  # --help
            return _complain(str(stdout_failed(error)))
        if error.errno != errno.ENAMETOOLONG:
            raise
        name = str(error.filename)[:40]
        return _complain(f"the file name {name}… is too long; choose a shorter one")
    except (KeyboardInterrupt, typer.Abort):
        code = EXIT_CANCELLED
    if code == EXIT_CANCELLED:  # some versions of Typer turn Ctrl-C into this code themselves
        err.print("cancelled")
    return code if isinstance(code, int) else EXIT_OK


def _complain(sentence: str) -> int:
    err.print(f"error: {one_line(sentence)}", soft_wrap=True)
    return EXIT_BAD_INPUT


def _usage(error: Any) -> str:
    """Typer's complaint about the arguments, and the --help that lists the right ones."""
    command = error.ctx.command_path if error.ctx else app.info.name
    return f"{error.format_message().rstrip('.')}; see {command} --help"


def _show_version(wanted: bool) -> None:
    if wanted:
        print(__version__)
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    pass


PlotOption = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Save a picture of the result as .png, .pdf or .svg."),
]
HtmlOption = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Save the result as one self-contained page.")
]
ResponsesOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE.npz",
        help="Save the network's responses, to estimate again in Python without the network.",
    ),
]
ExplainOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Save a picture (.png, .pdf or .svg) of what the network looks at, at the scale found "
        "and at two wrong ones, and of the channels that tell them apart.",
    ),
]
QuietOption = Annotated[
    bool, typer.Option("--quiet", "-q", help="Print one line: the scale and the verdict.")
]
VerboseOption = Annotated[
    bool, typer.Option("--verbose", "-v", help="Print every number of the answer too, as a table.")
]


@takes(spec=spec_of, settings=settings_of)
def estimate(
    slide: SlideArgument,
    spec: str,
    region: RegionOption = None,
    region_origin: RegionOriginOption = "auto",
    region_class: RegionClassOption = None,
    *,
    settings: Settings,
    device: DeviceOption = "auto",
    json: JsonOption = None,
    plot: PlotOption = None,
    html: HtmlOption = None,
    responses: ResponsesOption = None,
    explain: ExplainOption = None,
    sites_file: SitesFileOption = None,
    map: MapOption = None,  # noqa: A002 - the option's name
    map_tile: MapTileOption = None,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> int:
    """Find the scale at which the network sees the slide best.

    In: a slide and a network. Out: the scale with its 90 % interval and a verdict, as text on
    stdout. Files are written only where you name them (--json, --plot, --html, --responses,
    --explain, --sites-file, --map).

    The scale is how many level-0 pixels (the slide's finest) become one pixel of the network's
    input, along one side. Scale 2 means: shrink the slide to half its width and height, then
    show it to the network. A larger scale is a coarser view of more tissue.

    The verdict ok means one clear best scale. edge, ambiguous and outside give a number to
    check; flat, blank and no_evidence give none. No option is needed: the default network finds
    nuclei in H&E. Name your own with --network.
    """
    detail = detail_of(quiet, verbose)
    about = {"region_origin": parse_origin(region_origin), "region_class": region_class}
    settings = settings.model_copy(update={"region": region, **about})
    outputs = Outputs(json, plot, html, responses, explain, map, map_tile, sites_file)
    outputs.check_network(spec)
    inputs = [*inputs_of(slide, region, spec), *filter(None, [settings.profile])]
    outputs.check(inputs)
    with open_slide(slide, reader=settings.reader, mpp=settings.mpp) as opened:
        with redirect_stdout(sys.stderr):  # a user's network may print
            loaded = load(spec, device)
            progress, cancelled = follow(opened, loaded, settings)
        report = None if progress is None else progress.report()
        if progress is None or report is None:
            err.print("there is no answer yet, so nothing was written")
            return EXIT_CANCELLED
        failed = outputs.show_and_write(progress, report, detail)
        more, stopped = outputs.write_map(progress)
    failed += more
    for sentence in failed:
        _complain(sentence)
    if failed:
        return EXIT_BAD_INPUT
    if cancelled or stopped:
        return EXIT_CANCELLED
    return EXIT_OK if report.verdict == "ok" and not report.partial else EXIT_NOT_OK


app.command(epilog=ESTIMATE_END)(estimate)
app.command(epilog=INFO_END)(info)
app.command(epilog=RULER_END)(ruler)
app.command(epilog=DONE)(networks)
app.command(epilog=DONE)(tiles)
app.command(epilog=EXPORT_END)(export)
app.command(epilog=BATCH_END)(batch)
app.command(epilog=DONE)(calibrate)
app.command(epilog=EVALUATE_END)(evaluate.evaluate)
app.command(epilog=DONE)(sample)
app.command(epilog=DOCTOR_END)(doctor)
app.add_typer(thesis.app, name="thesis")
