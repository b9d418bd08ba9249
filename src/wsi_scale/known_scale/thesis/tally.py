"""How far answers lie from the right scale, counted as the thesis counts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

SLACK = 1e-9
"""Scales of the grid are sums of tenths; 5.5 is within 0.5 of 5 whatever its last digit."""


@dataclass(frozen=True)
class Tally:
    """The answers for several classes beside the one right scale."""

    median: float
    """NaN when nothing was answered, like ``squared_deviation``."""
    squared_deviation: float
    """Sum over the classes that were answered."""
    within_half: int
    """Answers at most 0.5 off."""
    within_one: int
    """Answers at most 1 off."""
    missing: int
    """Classes without an answer."""


def tally(answers: Sequence[float | None], right: float) -> Tally:
    """Count answers; None or NaN is no answer."""
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
