"""Whether more sites would change anything."""

from __future__ import annotations

import numpy as np

from wsi_scale.judgement.evidence import Evidence, Judgement
from wsi_scale.judgement.interval import conformal
from wsi_scale.judgement.wide_interval import WIDEST

SMALL = 1 / 3
"""Of the measured error. What the choice of sites adds, if it is no larger than this, widens the
whole by a twentieth at most: √(1 + 1/9) = 1.05."""


def is_settled(evidence: Evidence, judgement: Judgement, level: float, sites: int) -> bool:
    """Whether more sites would help neither the interval nor the verdict.

    So it is where the error was measured at known scales, and the answers of resampled sites spread
    by no more than SMALL of it. More sites may still settle an ambiguous answer, unless its
    measured error alone is too wide for ``ok``.

    >>> from wsi_scale.estimators import Answer
    >>> scales = np.array([1.0, 2.0, 4.0])
    >>> answer = Answer(np.zeros(3), 2.0, errors=np.array([0.3, 0.2, 0.1]))
    >>> drawn = (Answer(np.zeros(3), 1.95), Answer(np.zeros(3), 2.05))
    >>> is_settled(Evidence("profile", scales, answer, drawn), Judgement("ok", ""), 0.9, 16)
    True
    """
    answer, resampled = evidence.answer, evidence.resampled_scales
    if answer.errors is None or answer.scale is None or len(resampled) == 0:
        return False
    if sites < (answer.enough_sites or 0):
        return False
    floor = conformal(np.abs(answer.errors), level, answer.error_groups)
    ends = np.quantile(resampled, [(1 - level) / 2, (1 + level) / 2])
    if np.abs(np.log2(ends / answer.scale)).max() > SMALL * floor:
        return False
    return judgement.verdict != "ambiguous" or 2**floor > WIDEST
