"""``wsi-scale batch``: many slides, on this machine or on a cluster, one row for each."""

from __future__ import annotations

import importlib
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from wsi_scale.cli.batch_summary import BatchFiles, PagesOption, check_pages, write_summary
from wsi_scale.cli.network_options import spec_of
from wsi_scale.cli.options import CORES, DeviceOption, check_workers, settings_of, takes
from wsi_scale.cli.outputs import inputs_of, refuse_to_replace
from wsi_scale.cli.parsers import number, whole_number
from wsi_scale.cli.show import err
from wsi_scale.errors import SettingsError, one_line
from wsi_scale.pipeline.settings import Settings
from wsi_scale.plumbing.files import check_writable

if TYPE_CHECKING:
    from wsi_scale.batch.listing import Entry
    from wsi_scale.batch.run_batch import Batch, Standing, Workers

_LINE_SECONDS = 30.0  # between two lines of progress where stderr is not a terminal


OutRows = Annotated[
    Path,
    typer.Option(
        "--out",
        metavar="FILE",
        help="Where the rows go: .jsonl (a file) or .parquet (a folder); or .csv, a table for "
        "spreadsheets, with the rows next to it in a .jsonl.",
    ),
]
QuietOption = Annotated[
    bool,
    typer.Option("--quiet", "-q", help="Print one line: how many slides have which verdict."),
]
SlidesArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="SLIDES",
        help="Slides, folders, patterns in quotes ('*.svs'), a CSV or TSV with the columns slide "
        "and perhaps cohort and mpp, or - for a list on stdin.",
    ),
]
SchedulerOption = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS",
        help="Scheduler of a Dask cluster that does the work, such as tcp://host:8786.",
    ),
]
ResumeOption = Annotated[
    bool,
    typer.Option(
        "--resume", help="Continue: keep the answers in FILE, and do missing and failed slides."
    ),
]
SummaryOption = Annotated[
    bool,
    typer.Option(
        "--summary", help="Only remake the summary from the rows in FILE. Give no SLIDES."
    ),
]
WorkersHere = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        parser=whole_number,
        help="Number of processes on this machine. Default: one per core.",
    ),
]
MemoryOption = Annotated[
    float,
    typer.Option(
        metavar="GIB",
        parser=number,
        help="Memory limit of one process. A slide that needs more fails.",
    ),
]
MinutesOption = Annotated[
    float,
    typer.Option(
        metavar="N", parser=number, help="Time limit for one slide. A slide that needs more fails."
    ),
]


@takes(spec=spec_of, settings=settings_of)
def batch(
    out_file: OutRows,
    slides: SlidesArgument = None,
    scheduler: SchedulerOption = None,
    resume: ResumeOption = False,
    summary: SummaryOption = False,
    *,
    spec: str,
    settings: Settings,
    device: DeviceOption = "auto",
    workers: WorkersHere = None,
    memory: MemoryOption = 8,
    minutes: MinutesOption = 60,
    pages: PagesOption = None,
    quiet: QuietOption = False,
) -> int:
    """Estimate many slides and keep one row for each.

    In: slides and a network. Out: one row per slide in FILE, with its report or the reason why it
    failed. A summary goes to stdout and next to FILE, there also as a web page that names every
    slide, a picture and a CSV for spreadsheets.

    Each slide is read in a process of its own, so a slide that crashes, hangs or fills the memory
    costs only its own row. Stop at any time and continue with --resume. docs/batch.md explains the
    columns.
    """
    from wsi_scale.batch.query import Asked, Limits
    from wsi_scale.batch.run_batch import Batch
    from wsi_scale.batch.store import open_store

    given = out_file
    if given.suffix.lower() == ".csv":
        out_file = given.with_suffix(".jsonl")
    open_store(out_file)
    results = BatchFiles(out_file, given if given != out_file else None, pages, quiet)
    if summary:
        if slides:
            raise SettingsError("--summary only reads the rows of --out; leave the slides out")
        write_summary(results)
        return 0
    workers = _workers_here(workers, scheduler)
    asked = Asked.of(spec, settings, device, Limits(memory, 60 * minutes))
    check_pages(pages)
    entries = _list(slides or [], spec, settings.profile, results)
    asked = replace(asked, mpp_of={x.path: x.mpp for x in entries if x.mpp is not None})
    failed = _follow(Batch(entries, asked, out_file, resume), scheduler, workers, quiet)
    write_summary(results)
    return 3 if failed else 0


def _workers_here(workers: int | None, scheduler: str | None) -> int:
    """Number of processes on this machine. Raises SettingsError if a cluster has its own."""
    if workers is not None and scheduler is not None:
        raise SettingsError(
            "--workers starts processes on this machine, but --scheduler has workers of its own; "
            "leave one of them out"
        )
    workers = CORES if workers is None else workers
    check_workers(workers)
    return workers


def _list(
    words: Sequence[str], network: str, profile: str | None, results: BatchFiles
) -> tuple[Entry, ...]:
    """The slides that the words name; notes about them go to stderr."""
    from wsi_scale.batch.listing import list_slides

    files = [results.rows, *results.files()]
    stdin = sys.stdin.buffer.read() if "-" in words else b""
    listing = list_slides(words, stdin, files)
    _check_places(words, network, profile, files)
    for note in listing.notes:
        err.print(f"note: {one_line(note)}", soft_wrap=True)
    return listing.entries


def _follow(batch: Batch, scheduler: str | None, workers: int, quiet: bool) -> int:
    """Run to the end or to Ctrl-C; return how many slides failed."""
    from wsi_scale.batch.run_batch import run_batch
    from wsi_scale.batch.store import open_store

    try:
        with _following(quiet) as tell:
            return run_batch(batch, _starter(batch, scheduler, workers), tell).failed
    except KeyboardInterrupt:
        asked_for = {entry.path for entry in batch.entries}
        have = {row["path"] for row in open_store(batch.out).rows()} & asked_for
        err.print(
            f"{len(have)} of {len(asked_for)} slides have a row in {batch.out}; continue with "
            "--resume",
            soft_wrap=True,
        )
        raise


def _starter(batch: Batch, scheduler: str | None, workers: int) -> Callable[[int], Workers]:
    """A function that starts the workers; called only if there is work."""

    def start(slides: int) -> Workers:
        if scheduler is None:
            from wsi_scale.batch.local import Local

            return Local(batch.asked, min(workers, slides))
        from wsi_scale.batch.cluster import Cluster

        _hush_dask()
        return Cluster(batch.asked, scheduler, lambda text: err.print(text, soft_wrap=True))

    return start


def _hush_dask() -> None:
    """Silence Dask's traceback for each lost connection; we report it in one sentence."""
    with suppress(ImportError):
        importlib.import_module("distributed")  # sets its levels
    for name in ("distributed", "distributed.client"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


def _check_places(
    words: Sequence[str], network: str, profile: str | None, results: Sequence[Path]
) -> None:
    """Refuse, before any work, results that cannot be written or would replace an input."""
    rows, *summary = results
    for path in summary if rows.is_dir() else results:  # a folder is checked by its claim
        check_writable(path)
    files = [word for word in words if os.path.isfile(word)]
    refuse_to_replace(
        [*inputs_of("", None, network), *files, *([profile] if profile else [])], results
    )


@contextmanager
def _following(quiet: bool) -> Iterator[Callable[[Standing], None]]:
    """A progress bar on stderr; a line now and then where stderr is not a terminal."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[more]}"),
    )
    told = float("-inf")
    hidden = quiet or not err.is_terminal
    with Progress(*columns, console=err, transient=True, disable=hidden) as bar:
        task = bar.add_task("slides", total=None, more="")

        def tell(standing: Standing) -> None:
            nonlocal told
            done = standing.kept + standing.done
            bar.update(task, completed=done, total=standing.total, more=_more(standing))
            now = time.monotonic()
            is_last = done == standing.total
            if hidden and not quiet and (is_last or now - told >= _LINE_SECONDS):
                told = now
                err.print(f"{done}/{standing.total} slides{_more(standing)}")

        yield tell


def _more(standing: Standing) -> str:
    """Failures, throughput and time left, as far as they are known."""
    parts = [f"{standing.failed} failed"] if standing.failed else []
    if standing.per_minute is not None and standing.seconds_left is not None:
        left = round(standing.seconds_left)
        clock = f"{left // 3600}:{left // 60 % 60:02}:{left % 60:02}"
        parts += [f"{standing.per_minute:.3g} per minute", f"{clock} left"]
    return "".join(f" · {part}" for part in parts)
