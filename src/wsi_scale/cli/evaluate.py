"""``wsi-scale evaluate``: estimators against slides whose right scale is known."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wsi_scale.cli.options import (
    CORES,
    DeviceOption,
    NetworkOption,
    PerOctaveOption,
    SeedOption,
    WorkersOption,
    check_workers,
    whole_number,
)
from wsi_scale.cli.progress_bar import following
from wsi_scale.cli.show import err, out
from wsi_scale.errors import SettingsError
from wsi_scale.pipeline.settings import DEFAULT_NETWORK

if TYPE_CHECKING:
    from wsi_scale.known_scale.evaluate.run_bench import Outcome


ManifestArgument = Annotated[
    Path, typer.Argument(metavar="MANIFEST.csv", help="Columns slide,group,scale|mpp,class|mask.")
]
OutFolder = Annotated[
    Path, typer.Option("--out", metavar="DIR", help="Responses and tables go there.")
]
EstimatorsOption = Annotated[
    str | None, typer.Option(metavar="A,B", help="Default: auto and all that need no reference.")
]
WindowsOption = Annotated[
    str | None,
    typer.Option(
        metavar="LO:HI,…",
        help="Windows as factors of the right scale; default: two for each slide, 3 octaves "
        "wide, drawn so that the truth is 0.5 to 1 octave off the middle.",
    ),
]
SweepOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="KEY=VALUES", help="extrema.sigma=7:15, extrema.keep_percent=40,50,60; repeat."
    ),
]
PlacesOption = Annotated[
    int, typer.Option(metavar="N", parser=whole_number, help="Places on each slide.")
]
CalibratedOption = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Of `wsi-scale calibrate`; default: the card's."),
]


def evaluate(
    manifest: ManifestArgument,
    out_folder: OutFolder,
    network: NetworkOption = DEFAULT_NETWORK,
    estimators: EstimatorsOption = None,
    windows: WindowsOption = None,
    sweep: SweepOption = None,
    sites: PlacesOption = 46,
    per_octave: PerOctaveOption = 8,
    seed: SeedOption = 0,
    workers: WorkersOption = CORES,
    device: DeviceOption = "auto",
    profile: CalibratedOption = None,
) -> int:
    """Bench estimators on slides whose right scale is known, beside chance.

    What is measured is kept: run it again after Ctrl-C and it goes on, or with other --estimators
    and --sweep, and the tables are made anew without looking at a slide. Exit code 3: some slides
    could not be measured, the summary says which.
    """
    from wsi_scale.known_scale.evaluate import bench, run_bench
    from wsi_scale.known_scale.evaluate.ask_estimators import list_questions
    from wsi_scale.known_scale.evaluate.manifest import read_manifest
    from wsi_scale.known_scale.evaluate.sweep_options import parse_sweeps
    from wsi_scale.known_scale.evaluate.windows import parse_factors
    from wsi_scale.networks.identity import profile_of_spec

    check_workers(workers)
    profile = profile or profile_of_spec(network)
    names = None if estimators is None else [x.strip() for x in estimators.split(",")]
    questions = list_questions(names, parse_sweeps(sweep or ()), profile=profile is not None)
    rows, factors = read_manifest(manifest), None if windows is None else parse_factors(windows)
    asked = bench.Bench(
        out_folder, rows, network, factors, sites, per_octave, seed, device, profile
    )
    if out_folder.resolve() in manifest.resolve().parents:
        raise SettingsError(f"{manifest} lies in {out_folder}, which is for results; move it")
    with following() as tell, redirect_stdout(sys.stderr):  # other people's networks may print
        outcome = run_bench.evaluate(asked, questions, workers, tell)
    return _show(outcome, out_folder)


def _show(outcome: Outcome, folder: Path) -> int:
    """The summary on stdout, failures on stderr; the exit code."""
    for sentence in outcome.failed.values():
        err.print(f"warning: {sentence}", soft_wrap=True)
    out.print(outcome.summary, soft_wrap=True)
    out.print(f"tables in {folder}: summary, answers, times", soft_wrap=True)
    return 3 if outcome.failed else 0
