"""Axis limits and ticks of a curve, for the figure and the dock. No drawing library."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from wsi_scale.report import Report


def scale_limits(report: Report) -> tuple[float, float]:
    """Ends of the scale axis: the curve and the answer, with a small margin."""
    marks = [*report.curve.scales, *([report.scale] if report.scale else [])]
    marks += report.scale_interval or ()
    low, high = (min(marks), max(marks)) if marks else (0.5, 16.0)
    return low / 1.06, high * 1.06


def score_limits(
    scales: Sequence[float], score: Sequence[float | None], above: Sequence[float | None] = ()
) -> tuple[float, float]:
    """Ends of the score axis, chosen to show the peak.

    Scores far below the better half of the curve may lie outside. ``above`` is the upper end of the
    curve's band; it is shown unless it rises higher above the peak than the curve falls below it.
    There is room above the curve for the names of levels, and below it for estimators' marks.
    """
    values = np.array([np.nan if v is None else v for v in score], float)
    known = np.isfinite(values)
    finite = values[known]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    if finite.size:
        octaves = np.log2(np.array(scales, float)[known])
        # the middle of the curve, not of where it is dense
        spread = np.interp(np.linspace(octaves[0], octaves[-1], 101), octaves, finite)
        low = max(low, high - 3 * (high - float(np.median(spread))))
    ends = [v for v in above if v is not None and np.isfinite(v)]
    high = max(high, min(max(ends, default=high), 2 * high - low))
    extent = (high - low) or max(1.0, abs(high)) * 0.1
    return low - 0.16 * extent, high + 0.2 * extent


def scale_ticks(low: float, high: float) -> list[float]:
    """Round scales between the ends of an axis: octaves, or parts of octaves on a short axis.

    >>> scale_ticks(0.5, 16)
    [0.5, 1.0, 2.0, 4.0, 8.0, 16.0]
    """
    octaves = math.log2(high / low)
    step = 1.0 if octaves > 2.5 else 0.5 if octaves > 1.2 else 0.25
    first = math.ceil(math.log2(low) / step - 1e-9)
    last = math.floor(math.log2(high) / step + 1e-9)
    return [2 ** (i * step) for i in range(first, last + 1)]
