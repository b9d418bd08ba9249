"""Which scales and sites are measured next, and when it is enough.

A curve with one broad optimum is known well enough from one scale an octave to say where the
optimum lies; how exactly it lies there only its neighbours tell.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from wsi_scale.estimators.curves import local_peaks
from wsi_scale.geometry import Site
from wsi_scale.judgement.estimate import Estimate
from wsi_scale.judgement.rules import ENOUGH_SITES
from wsi_scale.plumbing.arrays import Array

FINE = 4
"""Scales per octave beside the best. A parabola through three of them finds the optimum as well as
one through scales that lie closer (benchmarks/results/sparing_saved.md)."""

CLOSE = 0.25
"""A second peak is looked at too if it falls short of the best by less than this share of how far
the score falls an octave from the best."""

MOST_ROUNDS = 6
"""Looks at one site after the first, at most."""

_GOLDEN = (math.sqrt(5) - 1) / 2


def strides(per_octave: float) -> tuple[int, ...]:
    """Steps of the whole grid between the scales of the first look, and of those that follow.

    From an octave down by halves to a quarter octave: 8 per octave -> 8, 4, 2; 1 -> 1, which is the
    whole grid at once.
    """
    count = max(1, int(per_octave))
    out = [count]
    while out[-1] > 1 and count / out[-1] < FINE:
        out.append(out[-1] // 2)
    return tuple(out)


def first_scales(count: int, step: int) -> tuple[int, ...]:
    """Positions, in a grid of ``count`` scales, of every step-th scale and of the last."""
    return tuple(sorted({*range(0, count, step), count - 1}))


def next_scales(
    scales: Sequence[float], measured: Sequence[int], score: Array, steps: Sequence[int]
) -> tuple[int, ...]:
    """Positions of the scales to measure next; none when the best is surrounded by measured ones.

    scales: the whole grid. measured: rising positions in it. score: (M,) of those, higher is
    better, NaN where no patch was cut. steps: falling, of ``strides``. Returns rising positions not
    measured yet, a step to either side of the best scale and of a peak that comes close to it: the
    longest step that lies within the gap to what is measured there.
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
    """Which of the measured scales is a peak nearly as high as the best, and no part of it."""
    known = np.isfinite(score)
    top = int(np.nanargmax(score))
    away = np.interp([octaves[top] - 1, octaves[top] + 1], octaves[known], score[known])
    slack = CLOSE * (score[top] - away.mean())
    for peak in local_peaks(score):
        if abs(octaves[peak] - octaves[top]) > 1 and score[top] - score[peak] < slack:
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
