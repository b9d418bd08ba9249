"""Which scales and sites are measured next, and when it is enough.

A curve with one broad optimum is known well enough from two scales an octave to say where the
optimum lies; how exactly it lies there only its neighbours tell.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from wsi_scale.estimators import Array
from wsi_scale.estimators.curves import local_peaks
from wsi_scale.geometry import Site
from wsi_scale.judge import Estimate
from wsi_scale.verdict import ENOUGH_SITES

COARSE = 2
"""Scales per octave of the first look."""

CLOSE = 0.25
"""A second peak is looked at too if it falls short of the best by less than this share of how far
the score falls an octave from the best. A peak amid two coarse scales loses a sixteenth."""

MOST_ROUNDS = 4
"""Looks at one site after the first, at most."""

_GOLDEN = (math.sqrt(5) - 1) / 2


def stride(per_octave: float) -> int:
    """Steps of the whole grid from one scale of the first look to the next.

    8 per octave -> 4; 3 or fewer -> 1, which is the whole grid at once.
    """
    return max(1, int(per_octave // COARSE))


def first_look(count: int, step: int) -> tuple[int, ...]:
    """Positions, in a grid of ``count`` scales, of every step-th scale and of the last."""
    return tuple(sorted({*range(0, count, step), count - 1}))


def next_look(
    scales: Sequence[float], measured: Sequence[int], score: Array, best: float | None, step: int
) -> tuple[int, ...]:
    """Positions of the scales to measure next; none when the best is surrounded by measured ones.

    scales: the whole grid. measured: rising positions in it. score: (M,) of those, higher is
    better, NaN where no patch was cut. best: the answer so far, as a scale. step: of the first
    look. Returns rising positions not measured yet: those less than a coarse step from the best,
    and two beside a peak that comes close to it.
    """
    if best is None:
        return ()
    home = int(np.argmin(np.abs(np.log(np.array(scales) / best))))
    seen = set(measured)
    inside = range(len(scales))
    if all(i in seen for i in (home - 1, home, home + 1) if i in inside):
        return ()
    wanted = {*range(home - step + 1, home + step)}
    rival = _rival(np.log2([scales[i] for i in measured]), score, math.log2(best))
    if rival is not None:
        beside = max(1, step // 2)
        wanted |= {measured[rival] - beside, measured[rival] + beside}
    return tuple(sorted(wanted.intersection(inside) - seen))


def _rival(octaves: Array, score: Array, best: float) -> int | None:
    """Which of the measured scales is a peak nearly as high as the best, and no part of it."""
    known = np.isfinite(score)
    if not known.any():
        return None
    top = int(np.nanargmax(score))
    away = np.interp([octaves[top] - 1, octaves[top] + 1], octaves[known], score[known])
    slack = CLOSE * (score[top] - away.mean())
    for peak in local_peaks(score):
        if abs(octaves[peak] - best) > 1 / COARSE and score[top] - score[peak] < slack:
            return peak
    return None


def groups(sites: Sequence[Site], precision: float | None) -> Iterator[Sequence[Site]]:
    """Sites that are looked at before it is asked whether they are enough.

    All where no precision is asked; else the fewest that can give ``ok``, then a quarter more each
    time, in an order of which every beginning is spread over the whole.
    """
    if precision is None:
        yield sites
        return
    order = sorted(range(len(sites)), key=lambda i: i * _GOLDEN % 1)
    seen = 0
    while seen < len(sites):
        upto = max(ENOUGH_SITES, math.ceil(1.25 * seen))
        yield [sites[i] for i in order[seen:upto]]
        seen = upto


def narrow_enough(answer: Estimate, precision: float | None) -> bool:
    """Whether the interval reaches at most that share above and below the answer.

    Never where the answer is ambiguous: more sites may settle it.
    """
    if precision is None or answer.scale is None or answer.interval is None:
        return False
    low, high = (end / answer.scale - 1 for end in answer.interval)
    return low >= -precision and high <= precision and answer.verdict != "ambiguous"
