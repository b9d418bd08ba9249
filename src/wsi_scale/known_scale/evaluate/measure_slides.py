"""Measures every slide of a bench, with the network and with random weights, and saves it all."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import torch

from wsi_scale.errors import NetworkError, SettingsError, SiteError, SlideError
from wsi_scale.known_scale.evaluate.bench import (
    BY_CHANCE,
    DICE,
    NOTE,
    RESPONSES,
    Bench,
    Measured,
    number_of,
)
from wsi_scale.known_scale.evaluate.manifest import Row
from wsi_scale.known_scale.evaluate.mask import Overlap, count_overlap, join, mask_of_patch
from wsi_scale.networks.identity import hash_weights
from wsi_scale.networks.load import load_network
from wsi_scale.networks.network import Network
from wsi_scale.networks.predictions import found_in
from wsi_scale.networks.untrained import random_weights
from wsi_scale.networks.wording import listed
from wsi_scale.pipeline.planning import check_profile, patch_size, plan_run
from wsi_scale.pipeline.run import Run
from wsi_scale.plumbing.arrays import Mask
from wsi_scale.plumbing.files import write_atomically
from wsi_scale.plumbing.processes import Tell, in_processes, stopping
from wsi_scale.responses.measure import measure_responses
from wsi_scale.responses.record import Responses, merge
from wsi_scale.slide.base import Slide
from wsi_scale.slide.pyramid import Pyramid, sample_pyramid
from wsi_scale.slide.readers import open_slide
from wsi_scale.slide.readers._labels import label_size, read_labelled
from wsi_scale.slide.resolution import scale_for

_BATCH = 16


@dataclass(frozen=True)
class SlideJob:
    """One slide to be measured."""

    bench: Bench
    row: Row
    truth: float
    weights: str
    """``hash_weights`` of the network."""


@lru_cache(maxsize=2)
def load(spec: str, device: str) -> Network:
    """The network, loaded once in each process."""
    return load_network(spec, device=device)


@lru_cache(maxsize=2)
def find_truth(bench: Bench, row: Row) -> float:
    """The right scale of a slide. Opens the slide, and reads the size of its mask.

    Raises SettingsError, which names the line, for a slide or mask that cannot be used.
    """
    where = bench.manifest.where(row)
    try:
        with open_slide(bench.manifest.find(row.slide)) as slide:
            if row.mask is not None:
                _check_mask(slide, bench.manifest.find(row.mask))
            return _scale_of(row, slide)
    except SlideError as error:
        raise SettingsError(f"{where}: {error}") from None


def _scale_of(row: Row, slide: Slide) -> float:
    if row.scale is not None:
        return row.scale
    if slide.mpp is None or row.mpp is None:
        raise SlideError(
            f"{row.slide} does not state its µm/px; give its right scale instead of mpp"
        )
    return scale_for(row.mpp, slide.mpp)


def _check_mask(slide: Slide, path: str) -> None:
    size, level = label_size(path), slide.levels[0]
    if size != (level.width, level.height):
        raise SlideError(
            f"mask {path} is {size[0]} × {size[1]} px but the slide is {level.width} × "
            f"{level.height} px; draw the mask at level 0"
        )


def check_rows(bench: Bench, rows: Sequence[Row], network: Network) -> None:
    """Raise SettingsError, which names the line, for a class or mask that does not suit the
    network, and for a profile of another network."""
    if bench.profile is not None and bench.learnt is not None:
        check_profile(bench.learnt, network, str(bench.profile))
    for row in rows:
        where = bench.manifest.where(row)
        if row.kind is not None and network.task != "classify":
            raise SettingsError(f"{where}: {network.name} segments; give a mask, not a class")
        if row.kind is not None and row.kind not in network.classes:
            raise SettingsError(
                f"{where}: {network.name} has no class {row.kind!r}; choose from "
                f"{listed(network.classes)}"
            )
        if row.mask is not None and network.task != "segment":
            raise SettingsError(f"{where}: {network.name} classifies; give a class, not a mask")
        if row.mask is not None and network.background is None and network.activation == "softmax":
            raise SettingsError(
                f"{where}: {network.name} has no background class, so its output cannot be "
                "compared with a mask; name the background in the card"
            )


def too_small(job: SlideJob, network: Network) -> str | None:
    """One sentence if no patch fits on the slide, found without reading its pixels; else None."""
    bench, row = job.bench, job.row
    window = bench.whole(row, job.truth)
    with open_slide(bench.manifest.find(row.slide)) as slide:
        try:
            patch_size(slide, network, bench.settings(window), window.lo, window.hi)
        except SettingsError:
            return f"{bench.manifest.where(row)}: {_no_room(job)}"
    return None


def gather(jobs: Sequence[SlideJob], workers: int, tell: Tell) -> dict[str, str]:
    """Measure every slide. Returns, by slide, one sentence for each that failed."""
    failed: dict[str, str] = {}
    step = "measuring slides"
    tell(step, 0, len(jobs))
    for done, (job, fault) in enumerate(in_processes(measure, jobs, workers), start=1):
        if fault is not None:
            failed[job.row.slide] = fault
        tell(step, done, len(jobs))
    return failed


def measure(job: SlideJob) -> str | None:
    """Write all files of one slide. Returns one sentence if that fails, else None."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # so that the last digits do not depend on the number of workers
    try:
        with redirect_stdout(sys.stderr):  # other people's networks may print
            return _measure(job)
    finally:
        torch.set_num_threads(threads)


def _measure(job: SlideJob) -> str | None:
    bench, row = job.bench, job.row
    network = load(bench.network, bench.device)
    if hash_weights(network) != job.weights:
        raise NetworkError(
            f"{bench.network} has different weights each time it is loaded; name a weights file "
            "with weights=FILE"
        )
    try:
        with open_slide(bench.manifest.find(row.slide)) as slide:
            _measure_slide(job, slide, network)
    except NetworkError:
        raise
    except (SlideError, SiteError, SettingsError) as error:
        return f"{bench.manifest.where(row)}: {error}"
    return None


@dataclass
class _Heard:
    """Measurements of one slide, site by site."""

    trained: list[Responses] = field(default_factory=list)
    by_chance: list[Responses] = field(default_factory=list)
    overlap: list[Overlap] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    seconds: float = 0.0
    random_seconds: float = 0.0


def _measure_slide(job: SlideJob, slide: Slide, network: Network) -> None:
    bench, row = job.bench, job.row
    run = _plan(job, slide, network)
    untrained = random_weights(network, bench.seed + number_of(row))
    mask = None if row.mask is None else read_labelled(bench.manifest.find(row.mask))
    heard = _Heard()
    for site in run.sites:
        if stopping():
            return
        started = time.monotonic()
        try:
            pyramid = sample_pyramid(slide, site, run.grid, size=run.input_size)
        except SlideError as error:
            heard.dropped.append(str(error))
            continue
        heard.trained.append(_ask(network, pyramid))
        asked = time.monotonic()
        heard.by_chance.append(_ask(untrained, pyramid))
        heard.seconds += asked - started
        heard.random_seconds += time.monotonic() - asked
        if mask is not None:
            heard.overlap.append(overlap(network, mask, pyramid))
    if not heard.trained:
        raise SlideError(f"none of {len(run.sites)} sites could be read: {heard.dropped[0]}")
    _save(job, heard, run.warnings)


def _plan(job: SlideJob, slide: Slide, network: Network) -> Run:
    """Choose sites and scales. Raises SlideError if nothing is left to search."""
    bench, row = job.bench, job.row
    try:
        run = plan_run(slide, network, bench.settings(bench.whole(row, job.truth)))
    except SettingsError:
        raise SlideError(_no_room(job)) from None
    if not bench.fair(row, job.truth, run.grid):
        raise SlideError(
            f"{row.slide} has room only for scales {run.grid.scales[0]:.3g} to "
            f"{run.grid.scales[-1]:.3g}, too few to search for {job.truth:.3g} away from the "
            "window's middle; leave it out or use a larger slide"
        )
    return run


def _no_room(job: SlideJob) -> str:
    return (
        f"{job.row.slide} is too small to search for scale {job.truth:.3g}; leave it out or use a "
        "larger slide"
    )


def _save(job: SlideJob, heard: _Heard, warnings: tuple[str, ...]) -> None:
    """Write all files, the note last, so that a note means that all files are there."""
    bench, row = job.bench, job.row
    note = Measured(
        slide=row.slide,
        truth=job.truth,
        seconds=heard.seconds,
        random_seconds=heard.random_seconds,
        warnings=(*warnings, *(f"site dropped: {x}" for x in heard.dropped)),
    )
    merge(heard.trained).save(bench.file(row, RESPONSES))
    merge(heard.by_chance).save(bench.file(row, BY_CHANCE))
    if heard.overlap:
        join(heard.overlap).save(bench.file(row, DICE))
    write_atomically(bench.file(row, NOTE), note.model_dump_json(indent=1) + "\n")


def _ask(network: Network, pyramid: Pyramid) -> Responses:
    return measure_responses(network, [pyramid], batch_size=_BATCH, probability_gradient=True)


def overlap(network: Network, mask: Mask, pyramid: Pyramid) -> Overlap:
    """What the network finds in all patches of a site, compared with the mask."""
    parts = []
    size = pyramid.patches.shape[1]
    for start in range(0, len(pyramid.indices), _BATCH):
        scales = [pyramid.grid.scales[i] for i in pyramid.indices[start : start + _BATCH]]
        found = found_in(network, pyramid.patches[start : start + _BATCH])
        true = [mask_of_patch(mask, pyramid.site, size * x, found.shape[1]) for x in scales]
        parts.append(count_overlap(scales, found, np.array(true)))
    return join(parts)
