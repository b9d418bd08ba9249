"""An answer that may be off by more than a quarter is not ``ok``, whatever else speaks for it."""

from __future__ import annotations

import numpy as np

from wsi_scale.judgement.evidence import Evidence, Judgement
from wsi_scale.judgement.interval import conformal, interval_of
from wsi_scale.plumbing.arrays import Array

WIDEST = 1.25
"""Factor. A scale that is wrong by a quarter is the wrong scale. Networks asked about tissue that
they never saw were off by more in half of the answers that were ``ok`` without this limit
(benchmarks/results/witnesses.md)."""

LEVEL = 0.9
"""Of the interval that must stay within WIDEST."""


def is_near(scale: float, other: float) -> bool:
    """Whether two scales differ by no more than WIDEST.

    >>> is_near(1.72, 1.5), is_near(1.72, 1.33)
    (True, False)
    """
    return max(scale / other, other / scale) <= WIDEST


def alone_too_wide(errors: Array) -> bool:
    """Whether errors that were measured at known scales, in octaves, are too wide for ``ok``,
    whatever the sites say."""
    return 2 ** conformal(np.abs(errors), LEVEL) > WIDEST


def too_wide(evidence: Evidence, sites: int) -> Judgement | None:
    """Doubt if the interval is wider than WIDEST; or, if its width was measured at known scales and
    so is not cut at the window, if it reaches an end of the window.

    >>> from wsi_scale.estimators import Answer
    >>> scales = np.array([1.0, 2.0, 4.0])
    >>> answer = Answer(-np.abs(np.log2(scales / 2)), 2.0, errors=np.array([0.5, 0.4, 0.1]))
    >>> too_wide(Evidence("profile", scales, answer, ()), 16).verdict
    'ambiguous'
    """
    answer = evidence.answer
    interval = interval_of(evidence, LEVEL, sites)
    if interval is None or answer.scale is None:
        return None
    low, high = interval
    factor = max(high / answer.scale, answer.scale / low)
    if factor > WIDEST:
        return Judgement(
            "ambiguous",
            f"the {LEVEL:.0%} interval, {low:.3g} to {high:.3g}, reaches beyond {WIDEST:g} times "
            "the answer",
        )
    if answer.errors is None:
        return None
    known = evidence.scales[np.isfinite(answer.score)]
    for end, beyond in ((known[0], low <= known[0]), (known[-1], high >= known[-1])):
        if beyond:
            return Judgement("edge", f"the interval reaches the end of the window, {end:.3g}")
    return None
