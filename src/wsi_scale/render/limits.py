"""What part of a curve a picture shows: for every place that draws one, no drawing library."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from wsi_scale.report import Report


def scale_limits(report: Report) -> tuple[float, float]:
    """Ends of the scale axis: the curve and the answer, with a little air."""
    marks = [*report.curve.scales, *([report.scale] if report.scale else [])]
    low, high = (min(marks), max(marks)) if marks else (0.5, 16.0)
    return low / 1.06, high * 1.06


def score_limits(
    scales: Sequence[float], score: Sequence[float | None], above: Sequence[float | None] = ()
) -> tuple[float, float]:
    """Ends of the score axis that show the peak: what lies far below the better half of the curve
    may leave the picture.

    above: upper ends of the curve's band; shown too, unless they rise higher above the peak than
        the curve falls below it.

    Leaves room above the curve for the names of levels and below it for the voices.
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
    """Round scales between the ends of an axis: octaves, or parts of one where it is short."""
    octaves = math.log2(high / low)
    step = 1.0 if octaves > 2.5 else 0.5 if octaves > 1.2 else 0.25
    first = math.ceil(math.log2(low) / step - 1e-9)
    last = math.floor(math.log2(high) / step + 1e-9)
    return [2 ** (i * step) for i in range(first, last + 1)]
