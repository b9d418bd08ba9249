"""Where on the slide a run looks and has looked: each site's field of view. No torch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from wsi_scale.geometry import Box, Site, reach
from wsi_scale.judgement.estimate import Estimate
from wsi_scale.pipeline.run import Run
from wsi_scale.plumbing.arrays import Array


@dataclass(frozen=True)
class Field:
    """What the network sees around one site."""

    site: Site
    box: Box
    """The patch at the site's own answer; until there is one, at the answer of the whole slide, and
    before that in the middle of the window. Level-0 px."""
    scale: float | None
    """The site's own answer; None before it has one."""
    score: Array | None
    """The site's own score at the scales of the estimate; None before it has an answer."""


def patch_box(site: Site, scale: float, size: int) -> Box:
    """Level-0 px that a patch of size × size network px around a site shows.

    ((100, 80), 2.0, 10) -> 90, 70, 20, 20.
    """
    side = scale * size
    return Box(site.x - side / 2, site.y - side / 2, side, side)


def fields_of_view(run: Run, answer: Estimate | None) -> list[Field]:
    """The field of view of every site of a run, in the order they were chosen.

    answer: the run's answer so far. A field never leaves the slide: it shrinks to the largest patch
    that fits.
    """
    own: dict[Site, tuple[float | None, Array | None]] = {}
    if answer is not None:
        scores = answer.site_scores or (None,) * len(answer.sites)
        pairs = zip(answer.site_scales, scores, strict=True)
        own = dict(zip(answer.sites, pairs, strict=True))
    common = None if answer is None else answer.scale
    if common is None:
        common = math.sqrt(run.grid.scales[0] * run.grid.scales[-1])
    return [_field(run, site, common, *own.get(site, (None, None))) for site in run.sites]


def field_at(fields: Sequence[Field], x: float, y: float) -> int | None:
    """Position of the field that a place (level-0 px) lies in; of several, whose centre is nearest;
    None for a place outside all."""
    inside = [
        (math.hypot(field.site.x - x, field.site.y - y), i)
        for i, field in enumerate(fields)
        if 0 <= x - field.box.x <= field.box.width and 0 <= y - field.box.y <= field.box.height
    ]
    return min(inside)[1] if inside else None


def _field(run: Run, site: Site, common: float, scale: float | None, score: Array | None) -> Field:
    limit = reach(run.slide.bounds, site, run.input_size)
    shown = min(common if scale is None else scale, limit)
    return Field(site, patch_box(site, shown, run.input_size), scale, score)
