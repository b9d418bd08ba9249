"""Compares predictions on native levels, read without resizing, with those at the answer's
scale."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from wsi_scale.geometry import Level, ScaleGrid, Site, pick_level, px_below, reach
from wsi_scale.judgement.estimate import Estimate
from wsi_scale.networks.predictions import predictions
from wsi_scale.pipeline.run import Run
from wsi_scale.pipeline.visit_sites import read_ahead
from wsi_scale.plumbing.arrays import Mask
from wsi_scale.report import AsIs
from wsi_scale.slide.pyramid import Pyramid

FAR = 1.0
"""Octaves from the answer beyond which no level is tried."""


@dataclass(frozen=True)
class Tried:
    """The comparisons, and how many patches they took."""

    levels: tuple[AsIs, ...] = ()
    patches: int = 0


def try_levels(run: Run, answer: Estimate) -> Tried:
    """What reading the nearest native levels without resizing would change.

    The network predicts at the answer's scale and at the levels' own scales. Up to ``as_is_sites``
    sites with enough room are used, spread evenly. Each is moved by less than half a pixel of the
    coarsest level tried, so that its patch holds that level's own pixels.

    Parameters
    ----------
    run : Run
        The run that gave the answer.
    answer : Estimate
        Its answer.

    Returns
    -------
    Tried
        One comparison per level, and the number of patches measured. Empty unless the answer is
        ``ok``, a level lies within an octave of the scale, and a site has room.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> run = SimpleNamespace(settings=SimpleNamespace(as_is_sites=8))
    >>> try_levels(run, SimpleNamespace(verdict="edge", scale=16.0))
    Tried(levels=(), patches=0)
    """
    count = run.settings.as_is_sites
    if answer.verdict != "ok" or answer.scale is None or count == 0:
        return Tried()
    if not run.network.predicts:  # nothing to compare
        return Tried()
    levels = near_levels(run.slide.levels, answer.scale)
    scales = sorted({answer.scale, *(run.slide.levels[i].downsample for i in levels)})
    sites = _places(run, answer.sites, scales[-1], count)
    if not levels or not sites:
        return Tried()
    asked = replace(run, grid=ScaleGrid(tuple(scales)))
    seen = [x for x in read_ahead(asked, sites) if isinstance(x, Pyramid) and x.indices]
    given = [predictions(run.network, pyramid.patches) for pyramid in seen]
    if not given:
        return Tried()
    found = tuple(_compare(run, given, level, scales, answer.scale) for level in levels)
    return Tried(found, sum(len(pyramid.indices) for pyramid in seen))


def near_levels(levels: Sequence[Level], scale: float) -> list[int]:
    """The level to read at a scale and the next coarser one, if they lie within an octave of it.

    >>> levels = [Level(1600, 1200, 1.0), Level(400, 300, 4.0), Level(100, 75, 16.0)]
    >>> near_levels(levels, 3.6), near_levels(levels, 1.5), near_levels(levels, 8.0)
    ([1], [0], [1, 2])
    """
    below = pick_level(levels, scale)
    finest_first = sorted(range(len(levels)), key=lambda i: levels[i].downsample)
    place = finest_first.index(below)
    return [
        i
        for i in finest_first[place : place + 2]
        if abs(math.log2(levels[i].downsample / scale)) <= FAR
    ]


def _places(run: Run, sites: Sequence[Site], coarsest: float, count: int) -> list[Site]:
    """Sites where the widest patch fits, on the pixel grid of the coarsest level tried."""
    half = run.input_size / 2
    own = [level.downsample for level in run.slide.levels]
    grid = max((x for x in own if x <= coarsest), default=1.0)
    moved = [
        Site(*(grid * (round(place / grid - half) + half) for place in (site.x, site.y)))
        for site in sites
    ]
    room = [x for x in moved if reach(run.slide.bounds, x, run.input_size) >= coarsest]
    spread = np.linspace(0, len(room) - 1, min(count, len(room))).round().astype(int)
    return [room[i] for i in spread]


def _compare(
    run: Run, given: Sequence[Mask], level: int, scales: Sequence[float], scale: float
) -> AsIs:
    """One level compared with the answer, over all sites."""
    downsample = run.slide.levels[level].downsample
    at_level, at_scale = scales.index(downsample), scales.index(scale)
    pairs = [(site[at_level], site[at_scale]) for site in given]
    if run.network.task == "segment":
        seen = run.network.foreground
        agreement = dice([(one[seen], other[seen]) for one, other in pairs], downsample / scale)
    else:
        agreement = float(np.mean([(one == other).all() for one, other in pairs]))
    return AsIs(
        level=level,
        downsample=downsample,
        agreement=agreement,
        kind="dice" if run.network.task == "segment" else "same class",
        work=(scale / downsample) ** 2,
        sites=len(pairs),
    )


def dice(pairs: Sequence[tuple[Mask, Mask]], wider: float) -> float | None:
    """Dice over the fields that both masks of each pair show; None if all masks are empty.

    pairs: masks (classes, H, W) of two patches with the same centre. wider: width of the first
    field of view divided by that of the second; only the middle of the wider one is compared.
    """
    both = whole = 0
    for one, other in pairs:
        count = max(one.shape[-1], other.shape[-1])
        first = _middle(one, min(1.0, 1 / wider), count)
        second = _middle(other, min(1.0, wider), count)
        both += int((first & second).sum())
        whole += int(first.sum()) + int(second.sum())
    return 2 * both / whole if whole else None


def _middle(masks: Mask, share: float, count: int) -> Mask:
    """The middle of masks (classes, H, W), ``share`` of their side, at count × count centres."""
    rows, columns = (
        px_below(length / 2, share * length, count, length) for length in masks.shape[1:]
    )
    return np.asarray(masks[:, rows[:, None], columns[None, :]])
