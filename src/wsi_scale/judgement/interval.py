"""How far an answer may be off: its interval, and the band around its curve."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from wsi_scale.estimators.contract import Answer, Scorer
from wsi_scale.judgement.evidence import Evidence, rise
from wsi_scale.plumbing.arrays import Array

OTHER_TISSUE = 0.8
"""Octaves, times the square of misfit / what an octave adds. Chosen on three witnesses, so that
intervals hold on tissue that a network never saw, and shown on others
(benchmarks/results/witnesses.md). On slides like the training data it adds next to nothing."""


def resample_sites(
    scorer: Scorer, weights: Array, places: NDArray[np.intp], seed: int, resamples: int
) -> tuple[Answer, ...]:
    """Answers on bootstrap resamples of the sites and of layers that can answer alone.

    Each resample draws as many places, and as many layers, as there are, with replacement. The
    sites of a place are drawn together. weights: (N,) of the sites, which sum to 1 at each place.
    """
    there = np.bincount(places, weights).round()
    count = int(there.sum())
    size = resamples if count > 1 else 0
    rng = np.random.default_rng([seed, 8])
    sites = rng.multinomial(count, there / count, size)[:, places] * weights
    layers = getattr(scorer, "layers", 0)
    if layers < 2:
        return tuple(scorer(draw) for draw in sites)
    others = rng.multinomial(layers, np.full(layers, 1 / layers), size).astype(float)
    return tuple(scorer(draw, other) for draw, other in zip(sites, others, strict=True))


def interval_of(evidence: Evidence, level: float, sites: int) -> tuple[float, float] | None:
    """Measured errors where available, else bootstrap percentiles.

    With fewer sites than the errors were measured with, the wider of both. Widened by the error
    that all sites may share. Always contains the answer itself; None without one.
    """
    answer = evidence.answer
    if answer.scale is None:
        return None
    ends = [answer.scale]
    if answer.errors is not None:
        wide = 2 ** conformal(np.abs(answer.errors), level, answer.error_groups)
        ends += [answer.scale / wide, answer.scale * wide]
    if answer.errors is None or sites < (answer.enough_sites or 0):
        if len(evidence.resampled_scales) == 0:
            return None
        ends += list(np.quantile(evidence.resampled_scales, [(1 - level) / 2, (1 + level) / 2]))
    return _widened(evidence, min(ends), max(ends), level)


def _widened(evidence: Evidence, low: float, high: float, level: float) -> tuple[float, float]:
    """An interval widened by the error that all sites may share, but not beyond the window."""
    scale, alike = evidence.answer.scale, common_error(evidence)
    if alike == 0 or scale is None:
        return float(low), float(high)
    known = evidence.scales[np.isfinite(evidence.answer.score)]
    far = NormalDist().inv_cdf((1 + level) / 2) * alike
    down, up = math.hypot(math.log2(scale / low), far), math.hypot(math.log2(high / scale), far)
    reach = math.log2(known[-1] / known[0])  # beyond, 2**far might overflow
    return (
        float(min(low, max(known[0], scale / 2 ** min(down, reach)))),
        float(max(high, min(known[-1], scale * 2 ** min(up, reach)))),
    )


def common_error(evidence: Evidence) -> float:
    """Error that all sites may share, in octaves, one standard deviation.

    Residual mismatch along the scale direction biases the answer. On a slide like the training data
    this grows as the square root of misfit / rise. On other tissue, where as much is left as an
    octave adds, it grows as the square of that ratio. Infinite if an octave changes nothing.
    """
    answer = evidence.answer
    if not answer.common or answer.misfit is None:
        return 0.0
    gained = rise(evidence)
    if gained <= 0:
        return math.inf
    unlike = answer.misfit / gained
    return answer.common * math.sqrt(unlike) + OTHER_TISSUE * unlike**2


def conformal(errors: Array, level: float, groups: NDArray[np.intp] | None = None) -> float:
    """Bound that the next error does not exceed with probability ``level``, whatever the law.

    It is the ⌈(n + 1) · level⌉-th smallest of n errors, or the largest if n is too small for that.
    Where errors come in groups that err alike, such as laboratories, the next error is one of a
    group that is not among them. Then n is the number of groups, and each counts the same, however
    many errors it has.

    Parameters
    ----------
    errors : ndarray
        (n,) sizes of errors that were measured, at least one, any unit.
    level : float
        Probability, above 0 and below 1.
    groups : ndarray, optional
        (n,) number of the group of each error; None: each is a group of its own.

    Returns
    -------
    float
        The bound, in the unit of ``errors``.

    Notes
    -----
    Source: Vovk, Gammerman and Shafer, Algorithmic Learning in a Random World, 2005 (split
    conformal prediction); for groups, Lee, Barber and Willett, 2023 (arXiv 2306.06342).

    Examples
    --------
    >>> errors = np.arange(1, 20) / 100  # 19 of them, so the 18th smallest
    >>> conformal(errors, 0.9)
    0.18
    >>> conformal(np.array([0.3, 0.1]), 0.9)  # too few: the largest
    0.3
    >>> conformal(errors, 0.9, np.arange(19) % 4)  # so are four groups
    0.19
    """
    groups = np.arange(len(errors)) if groups is None else groups
    _, group, members = np.unique(groups, return_inverse=True, return_counts=True)
    count, order = len(members), np.argsort(errors, kind="stable")
    below = np.cumsum(1 / members[group[order]]) / count
    place = np.searchsorted(below, level * (count + 1) / count - 1e-9)
    return float(errors[order[min(int(place), len(errors) - 1)]])


def band_of_curve(evidence: Evidence, level: float) -> tuple[Array, Array]:
    """Low and high ends, (S,) each, of the scores of the resamples; NaN where nothing is known."""
    score = evidence.answer.score
    known = np.isfinite(score)
    if not evidence.resampled or not known.any():
        return score.copy(), score.copy()
    scores = np.array([x.score for x in evidence.resampled])
    low, high = np.full(len(score), np.nan), np.full(len(score), np.nan)
    ends = [(1 - level) / 2, (1 + level) / 2]
    low[known], high[known] = np.nanquantile(scores[:, known], ends, axis=0)
    return low, high
