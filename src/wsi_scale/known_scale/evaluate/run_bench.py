"""Runs a bench from its first slide to its tables; can be resumed after every slide."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from wsi_scale.errors import OutputError, SettingsError, WsiScaleError
from wsi_scale.known_scale.evaluate.ask_estimators import BenchAnswer, BenchQuestion, find_answers
from wsi_scale.known_scale.evaluate.bench import Bench, Measured, read_measured
from wsi_scale.known_scale.evaluate.manifest import Row
from wsi_scale.known_scale.evaluate.scores import summary, table_of_answers, times
from wsi_scale.plumbing.claims import OnlyRun, claim, read_note, refuse_others, write_note
from wsi_scale.plumbing.files import write_atomically
from wsi_scale.plumbing.processes import Tell, in_processes
from wsi_scale.plumbing.version import __version__

CHANCE = (
    "Rows called chance contain no information on scale: the middle of the window; the same "
    "responses, randomly assigned to scales; the same network with random weights. An estimator "
    "whose error is not clearly below theirs has found nothing."
)


@dataclass(frozen=True)
class Outcome:
    """The results of a run."""

    tables: tuple[Path, ...]
    """Files of the tables."""
    summary: str
    """The summary as Markdown."""
    measured: int
    """Number of slides behind the tables."""
    failed: dict[str, str]
    """By slide, one sentence for each that could not be measured."""
    unwritten: tuple[str, ...] = ()
    """One sentence for each table that could not be written, for example on a full disk."""


@dataclass(frozen=True)
class _Job:
    bench: Bench
    row: Row
    measured: Measured
    questions: tuple[BenchQuestion, ...]


def evaluate(
    bench: Bench,
    questions: Sequence[BenchQuestion],
    workers: int = 1,
    tell: Tell = lambda *_: None,
    warn: Callable[[str], None] = lambda _: None,
) -> Outcome:
    """Measure the slides that are still missing, then write all tables.

    Slides with saved responses are not measured again, so other estimators can be tested in the
    same folder without the network and the slides.

    Parameters
    ----------
    bench : Bench
        The network, the slides and the folder.
    questions : Sequence[BenchQuestion]
        From ``list_questions``.
    workers : int
        Processes that share the slides.
    tell : Callable[[str, int, int], None], optional
        Called with the step, the number done and the number in all.
    warn : Callable[[str], None], optional
        Called, before any slide is measured, with a sentence for each that is too small.

    Returns
    -------
    Outcome
        The tables' files, the summary, and the slides that failed.

    Raises
    ------
    SettingsError, NetworkError
        Before any work, for values that cannot be used and for the folder of a different run.
    WsiScaleError
        When no slide could be measured.

    Examples
    --------
    >>> bench = Bench(Path("bench"), read_manifest(Path("slides.csv")))  # doctest: +SKIP
    >>> print(evaluate(bench, list_questions(None, [])).summary)  # doctest: +SKIP
    """
    refuse_others(bench.note, bench.describe())
    with OnlyRun(bench.out) as only:
        return _evaluate(bench, questions, workers, tell, warn, only)


def _evaluate(
    bench: Bench,
    questions: Sequence[BenchQuestion],
    workers: int,
    tell: Tell,
    warn: Callable[[str], None],
    only: OnlyRun,
) -> Outcome:
    """What ``evaluate`` does, alone in the folder."""
    started = time.monotonic()
    missing = [row for row in bench.manifest.rows if read_measured(bench, row) is None]
    failed = _measure(bench, missing, workers, tell, warn, only) if missing else {}
    gathered = time.monotonic()
    done = {
        row.slide: note
        for row in bench.manifest.rows
        if (note := read_measured(bench, row)) is not None
    }
    if not done:
        raise WsiScaleError(f"no slide could be measured: {next(iter(failed.values()))}")
    found = ask_all(bench, done, tuple(questions), workers, tell)
    outcome = _write(bench, found, done, failed)
    _note_time(bench, gathered - started, time.monotonic() - gathered, workers)
    return outcome


def _measure(
    bench: Bench,
    rows: Sequence[Row],
    workers: int,
    tell: Tell,
    warn: Callable[[str], None],
    only: OnlyRun,
) -> dict[str, str]:
    """Measure slides, after all of them and the network have been checked."""
    # imported here because saved responses need no torch
    from wsi_scale.known_scale.evaluate import measure_slides
    from wsi_scale.networks.identity import hash_weights

    tell("opening slides", 0, len(rows))
    truths = {}
    for done, row in enumerate(rows, start=1):
        truths[row.slide] = measure_slides.find_truth(bench, row)
        tell("opening slides", done, len(rows))
    network = measure_slides.load(bench.network, bench.device)
    measure_slides.check_rows(bench, rows, network)
    weights = hash_weights(network)
    claim(bench.note, bench.describe())
    only.take()
    note = read_note(bench.note)
    if note.setdefault("state", weights) != weights:
        raise SettingsError(
            f"{bench.out} was made with other weights of {bench.network}; choose another folder"
        )
    write_note(bench.note, note)
    (bench.out / "responses").mkdir(exist_ok=True)
    jobs = [measure_slides.SlideJob(bench, row, truths[row.slide], weights) for row in rows]
    small = {job.row.slide: measure_slides.too_small(job, network) for job in jobs}
    failed = {slide: fault for slide, fault in small.items() if fault is not None}
    for fault in failed.values():
        warn(fault)
    rest = [job for job in jobs if job.row.slide not in failed]
    return failed | measure_slides.gather(rest, workers, tell)


def ask_all(
    bench: Bench,
    measured: dict[str, Measured],
    questions: tuple[BenchQuestion, ...],
    workers: int,
    tell: Tell,
) -> list[BenchAnswer]:
    """Every answer, slide by slide in the order of the manifest."""
    rows = [row for row in bench.manifest.rows if row.slide in measured]
    jobs = [_Job(bench, row, measured[row.slide], questions) for row in rows]
    found: dict[str, list[BenchAnswer]] = {}
    tell("asking the estimators", 0, len(jobs))
    for job, answers in in_processes(_ask, jobs, workers):
        found[job.row.slide] = answers
        tell("asking the estimators", len(found), len(jobs))
    return [one for row in rows for one in found[row.slide]]


def _ask(job: _Job) -> list[BenchAnswer]:
    return find_answers(job.bench, job.row, job.measured, job.questions)


def _write(
    bench: Bench,
    found: Sequence[BenchAnswer],
    measured: dict[str, Measured],
    failed: dict[str, str],
) -> Outcome:
    tables = (summary(found, _notes(bench, found, measured, failed)), table_of_answers(found))
    clock = times(found, measured)
    paths, unwritten = [], []
    for table in (*tables, clock):
        files = {f"{table.name}.csv": table.csv}
        if table is not tables[1]:
            files[f"{table.name}.md"] = table.markdown
        for name, text in files.items():
            try:
                write_atomically(bench.out / name, text)
                paths.append(bench.out / name)
            except OutputError as error:  # the summary is still shown
                unwritten.append(str(error))
    return Outcome(tuple(paths), tables[0].markdown, len(measured), failed, tuple(unwritten))


def _notes(
    bench: Bench,
    found: Sequence[BenchAnswer],
    measured: dict[str, Measured],
    failed: dict[str, str],
) -> list[str]:
    """Sentences below the summary's table."""
    rows = [row for row in bench.manifest.rows if row.slide in measured]
    asked = sum(len(bench.windows(row, measured[row.slide].truth)) for row in rows)
    searched = len({(x.row.slide, x.window) for x in found})
    notes = [f"Slides: {len(rows)}; windows: {searched}; network: {bench.network}.", CHANCE]
    if searched < asked:
        notes.append(
            f"{asked - searched} windows were left out: after they were cut to fit on their slide, "
            "the truth lay too near their middle or an end."
        )
    dropped = sum(x.startswith("site dropped") for m in measured.values() for x in m.warnings)
    if dropped:
        notes.append(f"{dropped} sites could not be read and were dropped.")
    if failed:
        notes.append(f"**{len(failed)} slides could not be measured and are missing above.**")
        notes += [f"- {sentence}" for sentence in failed.values()]
    return notes


def _note_time(bench: Bench, measuring: float, rest: float, workers: int) -> None:
    content = read_note(bench.note)
    content.setdefault("seconds", []).append(
        {
            "version": __version__,
            "workers": workers,
            "measuring slides": round(measuring),
            "asking the estimators": round(rest),
        }
    )
    write_note(bench.note, content)
