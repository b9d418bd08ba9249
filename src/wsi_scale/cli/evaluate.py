"""``wsi-scale evaluate``: tests estimators on slides whose right scale is known."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wsi_scale.cli.network_options import NetworkOption, TrustCardOption
from wsi_scale.cli.options import (
    CORES,
    DeviceOption,
    PerOctaveOption,
    SeedOption,
    WorkersOption,
    check_workers,
)
from wsi_scale.cli.parsers import whole_number
from wsi_scale.cli.progress_bar import following
from wsi_scale.cli.show import err, out
from wsi_scale.errors import OutputError, SettingsError, one_line
from wsi_scale.networks.trust import with_trust
from wsi_scale.pipeline.settings import DEFAULT_NETWORK

if TYPE_CHECKING:
    from wsi_scale.known_scale.evaluate.run_bench import Outcome


ManifestArgument = Annotated[
    Path,
    typer.Argument(
        metavar="MANIFEST.csv",
        help="Table of slides with the columns slide and scale (or mpp), and perhaps group and "
        "class (or mask); see docs/evaluate.md.",
    ),
]
OutFolder = Annotated[
    Path, typer.Option("--out", metavar="DIR", help="Folder for responses and tables.")
]
EstimatorsOption = Annotated[
    str | None,
    typer.Option(
        metavar="A,B",
        help="Names of the estimators to test. Default: auto and all that need no reference.",
    ),
]
WindowsOption = Annotated[
    str | None,
    typer.Option(
        metavar="LO:HI,…",
        help="Windows to search, as factors of the right scale. Default: two for each slide, 3 "
        "octaves wide, with the right scale 0.5 to 1 octave off the middle.",
    ),
]
SweepOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="KEY=VALUES",
        help="Values of an estimator's option to try, such as extrema.sigma=7:15 or "
        "extrema.keep_percent=40,50,60. Can be repeated.",
    ),
]
SitesPerSlideOption = Annotated[
    int,
    typer.Option(
        metavar="N", parser=whole_number, help="Number of places to measure on each slide."
    ),
]
CalibratedOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Profile file from `wsi-scale calibrate`. Default: the one the card names.",
    ),
]


def evaluate(
    manifest: ManifestArgument,
    out_folder: OutFolder,
    network: NetworkOption = DEFAULT_NETWORK,
    estimators: EstimatorsOption = None,
    windows: WindowsOption = None,
    sweep: SweepOption = None,
    sites: SitesPerSlideOption = 46,
    per_octave: PerOctaveOption = 8,
    seed: SeedOption = 0,
    workers: WorkersOption = CORES,
    device: DeviceOption = "auto",
    trust: TrustCardOption = None,
    profile: CalibratedOption = None,
) -> int:
    """Compare estimators with chance on slides of known scale.

    In: a table of slides with the right scale of each, and a network. Out: a summary on stdout,
    and tables in DIR: error, interval and verdict of each estimator, next to what guessing gives.

    Measurements are kept in DIR. Run the same command again after Ctrl-C and it continues. Run it
    with other --estimators or --sweep and only the tables are remade; no slide is read again.
    """
    from wsi_scale.known_scale.evaluate import bench, run_bench
    from wsi_scale.known_scale.evaluate.ask_estimators import list_questions
    from wsi_scale.known_scale.evaluate.manifest import read_manifest
    from wsi_scale.known_scale.evaluate.sweep_options import parse_sweeps
    from wsi_scale.known_scale.evaluate.windows import parse_factors
    from wsi_scale.networks.identity import profile_of_spec

    network = with_trust(network, trust or ())
    check_workers(workers)
    profile = profile or profile_of_spec(network)
    names = None if estimators is None else [x.strip() for x in estimators.split(",")]
    questions = list_questions(names, parse_sweeps(sweep or ()), profile=profile is not None)
    rows, factors = read_manifest(manifest), None if windows is None else parse_factors(windows)
    asked = bench.Bench(
        out_folder, rows, network, factors, sites, per_octave, seed, device, profile
    )
    if out_folder.resolve() in manifest.resolve().parents:
        raise SettingsError(
            f"{manifest} is inside {out_folder}, which is for results; move it, or choose another "
            "--out"
        )
    with following() as tell, redirect_stdout(sys.stderr):  # a user's network may print
        told: set[str] = set()
        outcome = run_bench.evaluate(asked, questions, workers, tell, partial(_warn, told))
    return _show(outcome, out_folder, told)


def _warn(told: set[str], sentence: str) -> None:
    """Print a warning to stderr, once."""
    if sentence not in told:
        err.print(f"warning: {one_line(sentence)}", soft_wrap=True)
    told.add(sentence)


def _show(outcome: Outcome, folder: Path, told: set[str]) -> int:
    """Print the summary to stdout and failures to stderr; return the exit code."""
    for sentence in outcome.failed.values():
        _warn(told, sentence)
    out.print(outcome.summary, soft_wrap=True)
    if outcome.unwritten:
        raise OutputError("; ".join(outcome.unwritten))
    out.print(f"tables in {folder}: summary, answers, times", soft_wrap=True)
    return 3 if outcome.failed else 0
