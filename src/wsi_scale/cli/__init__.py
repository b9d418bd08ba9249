"""The command line: thin. stdout carries the answer, stderr the progress and the errors."""

from __future__ import annotations

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
from wsi_scale.cli.info import info
from wsi_scale.cli.options import (
    DeviceOption,
    JsonOption,
    NetworkOption,
    SlideArgument,
    takes_settings,
)
from wsi_scale.cli.outputs import Outputs, inputs_of
from wsi_scale.cli.progress_bar import follow, load
from wsi_scale.cli.show import err, out, print_network, print_report
from wsi_scale.errors import WsiScaleError
from wsi_scale.pipeline.settings import DEFAULT_NETWORK, Settings
from wsi_scale.plumbing.version import __version__
from wsi_scale.slide.readers import open_slide

EXIT_OK, EXIT_BAD_INPUT, EXIT_NOT_OK, EXIT_CANCELLED = 0, 2, 3, 130

# Typer brings its own copy of click or uses the installed one, depending on its version
_UsageError: type[Exception] = typer.BadParameter.__bases__[0]
app = typer.Typer(
    name="wsi-scale",
    help="Find the scale at which a trained network sees a whole-slide image best.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command()(info)
app.command()(calibrate)
app.command()(evaluate.evaluate)
app.command()(batch)
app.add_typer(thesis.app, name="thesis")


def main() -> None:
    """Run the command line; the input's faults are one sentence and exit code 2."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # µ and × also where only ASCII can be shown
    # threads that wait would else burn their core: on a busy machine four times the work
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code. A bug keeps its traceback."""
    logging.basicConfig(level=logging.ERROR, format="%(message)s")
    try:
        code = app(arguments or ["--help"], standalone_mode=False, prog_name=app.info.name)
    except WsiScaleError as error:
        return _complain(str(error))
    except _UsageError as error:
        return _complain(_usage(error))
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
        return _complain(f"{str(error.filename)[:40]}… is too long a name for a file")
    except (KeyboardInterrupt, typer.Abort):
        code = EXIT_CANCELLED
    if code == EXIT_CANCELLED:  # some versions of Typer turn Ctrl-C into this code by themselves
        err.print("cancelled")
    return code if isinstance(code, int) else EXIT_OK


def _complain(sentence: str) -> int:
    err.print(f"error: {' '.join(sentence.split())}", soft_wrap=True)
    return EXIT_BAD_INPUT


def _usage(error: Any) -> str:
    """Typer's complaint about the arguments, and where the right ones are listed."""
    command = error.ctx.command_path if error.ctx else app.info.name
    return f"{error.format_message().rstrip('.')}; see {command} --help"


def _show_version(wanted: bool) -> None:
    if wanted:
        print(__version__)
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show it.")
    ] = False,
) -> None:
    pass


@app.command()
def networks(
    spec: Annotated[
        str | None, typer.Argument(metavar="[SPEC]", help="Describe this network.")
    ] = None,
    device: DeviceOption = "auto",
) -> None:
    """List bundled networks and the grammar of SPEC, or describe one network and its layers."""
    from wsi_scale.networks.load import load_network
    from wsi_scale.networks.shipped import bundled_names
    from wsi_scale.networks.sources import all_sources

    if spec is None:
        out.print("Bundled networks: " + ", ".join(bundled_names()))
        out.print("\nA SPEC is one of:")
        for source in all_sources().values():
            out.print(f"  {source.GRAMMAR}", soft_wrap=True)
        return
    print_network(load_network(spec, device=device))


RegionOption = Annotated[
    str | None, typer.Option(metavar="GEOJSON|x,y,w,h", help="Look only there (level-0 px).")
]
PlotOption = Annotated[Path | None, typer.Option(metavar="FILE", help="Picture: png, pdf or svg.")]
HtmlOption = Annotated[Path | None, typer.Option(metavar="FILE", help="One self-contained page.")]
ResponsesOption = Annotated[
    Path | None, typer.Option(metavar="FILE.npz", help="Keep what the network answered.")
]


@app.command()
@takes_settings
def estimate(
    slide: SlideArgument,
    network: NetworkOption = DEFAULT_NETWORK,
    region: RegionOption = None,
    *,
    settings: Settings,
    device: DeviceOption = "auto",
    json: JsonOption = None,
    plot: PlotOption = None,
    html: HtmlOption = None,
    responses: ResponsesOption = None,
) -> int:
    """Find the scale at which the network sees the slide best.

    Exit code 0: the verdict is ok. 3: another verdict, the report says why. 2: bad input.
    130: cancelled, the report is partial.
    """
    settings = settings.model_copy(update={"region": region})
    outputs = Outputs(json, plot, html, responses)
    inputs = [*inputs_of(slide, region, network), *filter(None, [settings.profile])]
    outputs.check(inputs)
    with open_slide(slide, reader=settings.reader, mpp=settings.mpp) as opened:
        with redirect_stdout(sys.stderr):  # other people's networks may print
            loaded = load(network, device)
            progress, cancelled = follow(opened, loaded, settings)
        report = None if progress is None else progress.report()
        if progress is None or report is None:
            err.print("there is no answer yet, so nothing was written")
            return EXIT_CANCELLED
        outputs.write(progress, report)
    if json != "-":
        print_report(report)
    if cancelled:
        return EXIT_CANCELLED
    return EXIT_OK if report.verdict == "ok" else EXIT_NOT_OK
