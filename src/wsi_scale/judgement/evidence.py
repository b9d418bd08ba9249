"""What is judged: an estimator's answer, its answers on resamples of the sites, and how clearly its
curve falls away from the best scale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from wsi_scale.estimators.contract import Answer
from wsi_scale.judgement.verdicts import Verdict
from wsi_scale.plumbing.arrays import Array

_SAME_OCTAVES = 1e-6


@dataclass(frozen=True)
class Evidence:
    """One estimator's answer, on all sites and on resamples of the sites."""

    name: str
    scales: Array
    """(S,) scales of the grid, level-0 px per network px."""
    answer: Answer
    resampled: tuple[Answer, ...]
    """Answers on bootstrap resamples of the sites."""

    @property
    def resampled_scales(self) -> Array:
        return np.array([x.scale for x in self.resampled if x.scale is not None])


@dataclass(frozen=True)
class Judgement:
    """A verdict, its reason, and the rival (scale, score) pairs of an ambiguous one."""

    verdict: Verdict
    reason: str
    candidates: tuple[tuple[float, float], ...] = ()


def same_scale(one: float | Array, other: float) -> Any:
    """Whether two scales are equal but for rounding: within 1e-6 octave. Element by element.

    Scales that come from logarithms differ in the last bits from those that do not.

    >>> import math
    >>> end = 5.0
    >>> end == 2 ** math.log2(end), bool(same_scale(end, 2 ** math.log2(end)))
    (False, True)
    """
    return np.abs(np.log2(np.asarray(one, float) / other)) < _SAME_OCTAVES


def rise(evidence: Evidence) -> float:
    """How much worse the fit is an octave away from the best scale, mean of both sides.

    In nats per channel left unexplained, or in units of the score if the estimator does not measure
    that. A side that the window does not reach is left out. If it reaches neither, the value is
    extrapolated from the farther end of the window as if the curve were a parabola. So the result
    does not depend on how wide the window is.
    """
    answer = evidence.answer
    known = np.isfinite(answer.score)
    octave = np.log2(evidence.scales[known])
    best = int(np.argmax(answer.score[known]))
    score = answer.score[known] if answer.left is None else -answer.left[known]
    away = [octave[best] + side for side in (-1, 1)]
    reached = [x for x in away if octave[0] - 1e-9 <= x <= octave[-1] + 1e-9]
    # the square root of a parabola is a straight line, so linear interpolation is exact
    worse = np.sqrt(np.maximum(score[best] - score, 0))
    if reached:
        return float(np.mean(np.interp(reached, octave, worse) ** 2))
    far = max(octave[0], octave[-1], key=lambda end: abs(end - octave[best]))
    if abs(far - octave[best]) < 1e-9:
        return 0.0
    return float(np.interp(far, octave, worse) / (far - octave[best])) ** 2
