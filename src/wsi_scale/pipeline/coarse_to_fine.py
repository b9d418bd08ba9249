"""Which scales and sites are measured next, and when to stop.

One scale per octave shows where a broad optimum lies. Only the scales next to it show its exact
position.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from wsi_scale.estimators.curves import local_peaks
from wsi_scale.estimators.recognition import errors_of
from wsi_scale.geometry import Site
from wsi_scale.judgement.estimate import Estimate
from wsi_scale.judgement.rules import ENOUGH_SITES
from wsi_scale.judgement.wide_interval import alone_too_wide
from wsi_scale.pipeline.settings import Settings
from wsi_scale.plumbing.arrays import Array

FINE = 4
"""Scales per octave next to the best. A parabola through three of them finds the optimum as well as
one through scales that lie closer (benchmarks/results/sparing_saved.md)."""

CLOSE = 0.25
"""A second peak is also refined if it falls short of the best by less than this share of the drop
in score an octave from the best."""

MOST_ROUNDS = 6
"""At most this many visits to one site after the first."""

FEW = 8
"""Sites before the first check of a run whose answer cannot be ``ok``, however many there are."""

_GOLDEN = (math.sqrt(5) - 1) / 2


def strides(per_octave: float) -> tuple[int, ...]:
    """Steps, in grid positions, between the scales of the first visit and of each later visit.

    They fall by halves from an octave to a quarter octave.

    Parameters
    ----------
    per_octave : float
        Scales of the whole grid per octave, above 0.

    Returns
    -------
    tuple of int
        Falling steps; a single 1 means that the whole grid is measured at once.

    Examples
    --------
    >>> strides(8)
    (8, 4, 2)
    >>> strides(1)
    (1,)
    """
    count = max(1, int(per_octave))
    out = [count]
    while out[-1] > 1 and count / out[-1] < FINE:
        out.append(out[-1] // 2)
    return tuple(out)


def first_scales(count: int, step: int) -> tuple[int, ...]:
    """Positions of every step-th scale of a grid, and of the last.

    Parameters
    ----------
    count : int
        Scales of the grid, at least 1.
    step : int
        Grid positions between two of them, at least 1.

    Returns
    -------
    tuple of int
        Rising positions, from 0 to ``count - 1``, both included.

    Examples
    --------
    >>> first_scales(10, 4)
    (0, 4, 8, 9)
    """
    return tuple(sorted({*range(0, count, step), count - 1}))


def next_scales(
    scales: Sequence[float], measured: Sequence[int], score: Array, steps: Sequence[int]
) -> tuple[int, ...]:
    """Positions of the scales to measure next; none once both neighbours of the best are measured.

    They lie one step to either side of the best scale, and of a second peak that comes close to it.
    The step is the longest one that is shorter than the gap to the measured neighbours.

    Parameters
    ----------
    scales : sequence of float
        The whole grid, rising.
    measured : sequence of int
        Rising positions in the grid.
    score : ndarray
        (M,) scores at the measured positions, higher is better; NaN where no patch was cut.
    steps : sequence of int
        Falling, from ``strides``.

    Returns
    -------
    tuple of int
        Rising positions that are not measured yet.

    Examples
    --------
    >>> grid = [2 ** (i / 8) for i in range(25)]  # scales 1 to 8
    >>> score = np.array([-4.0, -1.0, 0.0, -1.0])  # best at position 16, scale 4
    >>> next_scales(grid, (0, 8, 16, 24), score, strides(8))
    (12, 20)
    """
    if not np.isfinite(score).any():
        return ()
    rival = _rival(np.log2([scales[i] for i in measured]), score)
    wanted: set[int] = set()
    for peak in (int(np.nanargmax(score)), rival):
        if peak is None:
            continue
        home = measured[peak]
        gap = max(abs(home - i) for i in measured[max(peak - 1, 0) : peak + 2])
        at_an_end = home in (0, len(scales) - 1)  # a parabola needs a scale on either side
        finer = (*steps, 1) if at_an_end else steps
        step = next((x for x in finer if x < gap), 0)  # 0: surrounded
        wanted |= {home - step, home + step}
    return tuple(sorted(wanted.intersection(range(len(scales))) - set(measured)))


def _rival(octaves: Array, score: Array) -> int | None:
    """Index of a separate measured peak that is nearly as high as the best; None if there is
    none."""
    known = np.isfinite(score)
    top = int(np.nanargmax(score))
    away = np.interp([octaves[top] - 1, octaves[top] + 1], octaves[known], score[known])
    slack = CLOSE * (score[top] - away.mean())
    for peak in local_peaks(score):
        if abs(octaves[peak] - octaves[top]) > 1 and score[top] - score[peak] < slack:
            return peak
    return None


def groups(sites: Sequence[Site], first: int | None) -> Iterator[Sequence[Site]]:
    """Groups of sites; after each group the run checks whether that was enough.

    Without a size of the first group, all sites are one. Otherwise the second reaches the fewest
    sites that can give ``ok``, and each later group adds a quarter more. The first sites of this
    order, however many, are spread over all sites.
    """
    if first is None:
        yield sites
        return
    order = sorted(range(len(sites)), key=lambda i: i * _GOLDEN % 1)
    seen = 0
    while seen < len(sites):
        upto = max(ENOUGH_SITES, math.ceil(1.25 * seen)) if seen else first
        yield [sites[i] for i in order[seen:upto]]
        seen = upto


def sites_before_check(settings: Settings) -> int | None:
    """Sites after which a run may stop; None: it visits all.

    It may where a precision is asked for, or where the error of the answer was measured at known
    scales, so that more sites cannot make it smaller. These are the fewest sites that can give
    ``ok``, or FEW if that error alone is too wide for ``ok``.

    >>> sites_before_check(Settings()), sites_before_check(Settings(precision=0.1))
    (None, 16)
    """
    options = settings.options
    if settings.precision is not None or options.profile is not None:
        return ENOUGH_SITES
    if options.selective is None:
        return None
    return FEW if alone_too_wide(errors_of(options.selective)) else ENOUGH_SITES


def narrow_enough(answer: Estimate, precision: float | None) -> bool:
    """Whether the interval lies within that share of the answer, above and below.

    Never true of an ambiguous answer, because more sites may settle it.
    """
    if precision is None or answer.scale is None or answer.interval is None:
        return False
    low, high = (end / answer.scale - 1 for end in answer.interval)
    return low >= -precision and high <= precision and answer.verdict != "ambiguous"
