"""Counts how far answers lie from the right scale, as the thesis does."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

SLACK = 1e-9
"""Scales of the grid are sums of tenths, so 5.5 must count as within 0.5 of 5 despite rounding."""


@dataclass(frozen=True)
class Tally:
    """Answers for several classes, compared with the right scale that they share."""

    median: float
    """Median answer; NaN without answers."""
    squared_deviation: float
    """Sum over the classes with an answer; NaN without answers."""
    within_half: int
    """Answers at most 0.5 off."""
    within_one: int
    """Answers at most 1 off."""
    missing: int
    """Classes without an answer."""


def tally(answers: Sequence[float | None], right: float) -> Tally:
    """Count answers; None and NaN count as missing.

    >>> tally([4.0, 5.5, None], 5.0)
    Tally(median=4.75, squared_deviation=1.25, within_half=1, within_one=2, missing=1)
    """
    known = np.array([x for x in answers if x is not None and not math.isnan(x)])
    if len(known) == 0:
        return Tally(math.nan, math.nan, 0, 0, len(answers))
    off = np.abs(known - right)
    return Tally(
        float(np.median(known)),
        float((off**2).sum()),
        int((off <= 0.5 + SLACK).sum()),
        int((off <= 1.0 + SLACK).sum()),
        len(answers) - len(known),
    )
