"""Reproduces the thesis: responses, then tables and figures; can be resumed after every image."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from wsi_scale.known_scale.thesis.answers import Findings, find_answers
from wsi_scale.known_scale.thesis.comparison import cells, summary, table_of_answers
from wsi_scale.known_scale.thesis.figures import all_figures
from wsi_scale.known_scale.thesis.images import check_files
from wsi_scale.known_scale.thesis.plan import Plan, list_jobs
from wsi_scale.known_scale.thesis.thesis_tables import (
    accuracy,
    table_1,
    table_5,
    table_5_beside_chance,
    tables_2_to_4,
)
from wsi_scale.plumbing.claims import claim, read_note, write_note
from wsi_scale.plumbing.files import write_atomically
from wsi_scale.plumbing.processes import Tell, in_processes
from wsi_scale.plumbing.tables import Table
from wsi_scale.plumbing.version import __version__

_INDEX = """\
# The thesis, reproduced

Made by `wsi-scale thesis reproduce`: {pyramids_per_test_image} pyramids ({fewer_per_test_image} for
wide networks and random weights) from each of {test_images_per_class} test images of 20 classes,
seed {seed}. `run.json` records the settings and
how long it took. The same command with the same `--out` remakes the tables and figures from the
saved responses.

| file | what it holds |
| --- | --- |
| tables/table1_weights | Table 1: weights of the channels, before and after softmax |
| tables/tables2-4_NETWORK | Tables 2–4: squared deviation and counts by σ, P and window |
| tables/table5 | Table 5: the answer for each class at σ = 8, P = 50 % |
| tables/table5_beside_chance | its counts in all conventions, compared with chance |
| tables/accuracy_by_scale | how well each network classifies at each scale |
| tables/summary | **the test the thesis did not make**: every estimator compared with chance |
| tables/shifted_windows | the same, network by network and window by window |
| tables/answers | every single answer |
| figures/figure02_pyramid | one pyramid |
| figures/figure04 … 08 | its responses; smoothed; of kept channels; derivatives; all extrema |
| figures/figure09_several_pyramids | the extrema and the answer of every pyramid of the class |
| figures/figure10_patches | a patch at the right scale and at the found one |
| figures/accuracy_by_scale | accuracy by scale, every network |
| figures/answers_by_right_scale | answers by right scale, every network |
| responses/NETWORK/ | responses of each network to each image, for `Responses.load` |
"""


@dataclass(frozen=True)
class _Job:
    plan: Plan
    network: str


def reproduce(plan: Plan, workers: int, tell: Tell) -> list[Path]:
    """Measure what is still missing, then write every table and figure. Returns their files.

    Raises NetworkError or SlideError if a network or a stored image is missing, and SettingsError
    if ``plan.out`` holds a run with other settings; the folder is then left unchanged.
    """
    started = time.monotonic()
    asked, jobs = plan.describe(), [job for job in list_jobs(plan) if job.asked]
    if plan.images is not None:
        check_files((job.image for job in jobs), plan.images)
    claim(plan.note, asked)
    if jobs:
        from wsi_scale.known_scale.thesis.measure_images import (
            gather,  # imported here because saved responses need no torch
        )

        gather(plan, workers, tell)
    gathered = time.monotonic()
    findings = ask_all(plan, workers, tell)
    tell("drawing", 0, 1)
    files = {"README.md": _INDEX.format(**plan.describe()).encode()}
    for table in all_tables(findings):
        files[f"tables/{table.name}.csv"] = table.csv.encode()
        files[f"tables/{table.name}.md"] = table.markdown.encode()
    for name, png in all_figures(plan, findings).items():
        files[f"figures/{name}.png"] = png
    written = [_write(plan.out / name, content) for name, content in files.items()]
    tell("drawing", 1, 1)
    _note_time(plan, gathered - started, time.monotonic() - gathered, workers)
    return written


def ask_all(plan: Plan, workers: int, tell: Tell) -> list[Findings]:
    """Findings from each network's saved responses, in the order of the plan."""
    done: dict[str, Findings] = {}
    tell("asking the estimators", 0, len(plan.networks))
    jobs = [_Job(plan, name) for name in plan.networks]
    for job, findings in in_processes(_ask, jobs, workers):
        done[job.network] = findings
        tell("asking the estimators", len(done), len(plan.networks))
    return [done[name] for name in plan.networks]


def all_tables(findings: Sequence[Findings]) -> tuple[Table, ...]:
    """Every table: first the thesis's, in its order, then those of the test it did not make."""
    found = [one for each in findings for one in each.found]
    return (
        table_1(findings),
        *(tables_2_to_4(each) for each in findings),
        table_5(findings),
        table_5_beside_chance(findings),
        accuracy(findings),
        table_of_answers(found),
        cells(found),
        summary(found),
    )


def _ask(job: _Job) -> Findings:
    return find_answers(job.plan, job.network)


def _note_time(plan: Plan, gathering: float, rest: float, workers: int) -> None:
    content = read_note(plan.note)
    content.setdefault("seconds", []).append(
        {
            "version": __version__,
            "workers": workers,
            "asking the networks": round(gathering),
            "tables and figures": round(rest),
        }
    )
    write_note(plan.note, content)


def _write(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, data)
    return path
