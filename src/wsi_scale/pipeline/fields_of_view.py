"""The fields of view of a run: the patch around each site, on the slide. No torch."""

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
    """The patch that the network sees around one site."""

    site: Site
    box: Box
    """The patch at the site's own scale, in level-0 px. Until that is known: at the scale of the
    whole slide, and before that at the middle of the window."""
    scale: float | None
    """The site's own scale; None until it is known."""
    score: Array | None
    """(S,) the site's own score at the scales of the estimate; None until it is known."""


def patch_box(site: Site, scale: float, size: int) -> Box:
    """Box of the slide that a patch around a site shows.

    Parameters
    ----------
    site : Site
        Centre of the patch, level-0 px.
    scale : float
        Level-0 px per network px.
    size : int
        Side of the patch in network px.

    Returns
    -------
    Box
        Left, top, width and height in level-0 px; it may reach beyond the slide.

    Examples
    --------
    >>> patch_box(Site(100, 80), 2.0, 10)
    Box(x=90.0, y=70.0, width=20.0, height=20.0)
    """
    side = scale * size
    return Box(site.x - side / 2, site.y - side / 2, side, side)


def fields_of_view(run: Run, answer: Estimate | None, *, planned: bool = True) -> list[Field]:
    """The field of view of every site of a run.

    Parameters
    ----------
    run : Run
        The run, with its sites.
    answer : Estimate or None
        The answer so far.
    planned : bool
        Whether sites are included that no answer rests on: not measured yet, or never, because the
        run ended before.

    Returns
    -------
    list of Field
        In the order in which the sites were chosen. A field shrinks to the largest patch that fits
        on the slide.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> from wsi_scale.geometry import ScaleGrid
    >>> run = SimpleNamespace(
    ...     grid=ScaleGrid((1.0, 4.0)),
    ...     sites=(Site(100, 100),),
    ...     slide=SimpleNamespace(bounds=Box(0, 0, 400, 300)),
    ...     input_size=50,
    ... )
    >>> [field.box for field in fields_of_view(run, None)]
    [Box(x=50.0, y=50.0, width=100.0, height=100.0)]
    """
    own: dict[Site, tuple[float | None, Array | None]] = {}
    if answer is not None:
        scores = answer.site_scores or (None,) * len(answer.sites)
        pairs = zip(answer.site_scales, scores, strict=True)
        own = dict(zip(answer.sites, pairs, strict=True))
    common = None if answer is None else answer.scale
    if common is None:
        common = math.sqrt(run.grid.scales[0] * run.grid.scales[-1])
    shown = [site for site in run.sites if planned or site in own]
    return [_field(run, site, common, *own.get(site, (None, None))) for site in shown]


def field_at(fields: Sequence[Field], x: float, y: float) -> int | None:
    """Index of the field that contains a point (level-0 px): the one with the nearest centre if
    several do, None if none does."""
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
