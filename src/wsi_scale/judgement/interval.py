"""How far an answer may be off: its interval, and the band around its curve."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np

from wsi_scale.estimators import Answer, Scorer
from wsi_scale.judgement.evidence import Evidence, rise
from wsi_scale.plumbing.arrays import Array


def resample_sites(scorer: Scorer, members: Array, seed: int, resamples: int) -> tuple[Answer, ...]:
    """Bootstrap over the member sites, and over layers that can answer alone: as many of each are
    drawn, with replacement, as there are."""
    count = int(members.sum())
    size = resamples if count > 1 else 0
    rng = np.random.default_rng([seed, 8])
    sites = rng.multinomial(count, members / count, size).astype(float)
    layers = getattr(scorer, "layers", 0)
    if layers < 2:
        return tuple(scorer(draw) for draw in sites)
    others = rng.multinomial(layers, np.full(layers, 1 / layers), size).astype(float)
    return tuple(scorer(draw, other) for draw, other in zip(sites, others, strict=True))


def interval_of(evidence: Evidence, level: float, sites: int) -> tuple[float, float] | None:
    """As wide as errors that were measured, where there are some; else, or with fewer sites than
    those were measured with, percentiles of the resamples, widened by what all sites may err by
    alike. Always holds the answer itself."""
    answer = evidence.answer
    if answer.scale is None:
        return None
    ends = [answer.scale]
    if answer.errors is not None:
        wide = 2 ** conformal(np.abs(answer.errors), level)
        ends += [answer.scale / wide, answer.scale * wide]
    if answer.errors is None or sites < (answer.enough_sites or 0):
        if len(evidence.resampled_scales) == 0:
            return None
        ends += list(np.quantile(evidence.resampled_scales, [(1 - level) / 2, (1 + level) / 2]))
    return _widened(evidence, min(ends), max(ends), level)


def _widened(evidence: Evidence, low: float, high: float, level: float) -> tuple[float, float]:
    """An interval with what all sites may err by alike, no further than was looked."""
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
    """Octaves by which all sites may err alike, one standard deviation; infinite where an octave
    changes nothing.

    What the best scale leaves unexplained has no reason to avoid the direction in which scale moves
    the statistics; the part of it that lies there has moved the answer.
    """
    answer = evidence.answer
    if not answer.common or answer.misfit is None:
        return 0.0
    gained = rise(evidence)
    return answer.common * math.sqrt(answer.misfit / gained) if gained > 0 else math.inf


def conformal(errors: Array, level: float) -> float:
    """Size that the next error stays below with probability ``level``, whatever their law.

    The ⌈(n + 1) · level⌉-th smallest of n; the largest where n is too small for that. Source: Vovk
    et al., Algorithmic learning in a random world, 2005 (split conformal prediction).
    """
    rank = math.ceil((len(errors) + 1) * level)
    return float(np.sort(errors)[min(rank, len(errors)) - 1])


def band_of_curve(evidence: Evidence, level: float) -> tuple[Array, Array]:
    score = evidence.answer.score
    if not evidence.resampled:
        return score.copy(), score.copy()
    scores = np.array([x.score for x in evidence.resampled])
    low, high = np.full(len(score), np.nan), np.full(len(score), np.nan)
    known = np.isfinite(score)
    ends = [(1 - level) / 2, (1 + level) / 2]
    low[known], high[known] = np.nanquantile(scores[:, known], ends, axis=0)
    return low, high
