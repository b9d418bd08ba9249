"""Measures pyramids of the model problem's images with all networks, and saves the responses.

Each pyramid is cut once and shown to all networks. Each image gives one file per network, so a run
that was stopped continues where it stopped.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from wsi_scale.geometry import ScaleGrid, Site
from wsi_scale.known_scale.thesis.family import load_member
from wsi_scale.known_scale.thesis.images import SIDE, SIZE, Image
from wsi_scale.known_scale.thesis.plan import ImageJob, Plan, list_jobs, response_file
from wsi_scale.plumbing.processes import Tell, in_processes, stopping
from wsi_scale.responses.measure import measure_responses
from wsi_scale.slide.pyramid import sample_pyramid

_BATCH = 8  # patches; few enough that their layers stay in a core's cache


def gather(plan: Plan, workers: int, tell: Tell) -> None:
    """Write every file of responses that is still missing."""
    every = list_jobs(plan)
    jobs = [job for job in every if job.asked]
    done = len(every) - len(jobs)
    tell("asking the networks", done, len(every))
    for _ in in_processes(ask, jobs, workers):
        done += 1
        tell("asking the networks", done, len(every))


def ask(job: ImageJob) -> None:
    """Cut the pyramids of one image and show them to the networks."""
    torch.set_num_threads(1)
    plan, image = job.plan, job.image
    most = max(count for _, count in job.asked)
    with image.open(plan.images) as slide:
        pyramids = []
        for site in places(image, plan.grid, most):
            if stopping():
                return
            pyramids.append(sample_pyramid(slide, site, plan.grid, size=SIZE))
    for name, count in job.asked:
        if stopping():
            return
        responses = measure_responses(
            load_member(name, plan.trained),
            pyramids[:count],
            target=image.kind,
            batch_size=_BATCH,
            probability_gradient=True,
        )
        path = response_file(plan, name, job.split, image.kind, image.number)
        path.parent.mkdir(parents=True, exist_ok=True)
        responses.save(path)


def places(image: Image, grid: ScaleGrid, count: int) -> Sequence[Site]:
    """Centres of pyramids where every scale fits, drawn from the image's seed. The first ones do
    not depend on ``count``."""
    margin = SIZE * grid.scales[-1] / 2
    drawn = np.random.default_rng([image.seed, 7]).random((count, 2))
    return [Site(float(x), float(y)) for x, y in margin + (SIDE - 2 * margin) * drawn]
