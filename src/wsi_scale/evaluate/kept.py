"""What an answer is worth: how much of the network's best result is kept at it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wsi_scale.responses import Responses

Array = NDArray[np.float64]


def right_share(responses: Responses, kind: int) -> Array:
    """(S,) share of pyramids at each scale whose most probable class is ``kind``."""
    right = (responses.outputs.argmax(axis=1) == kind).astype(float)
    return np.asarray(np.nanmean(responses.on_grid(right), axis=0))


def kept_share(scales: Array, result: Array, scale: float | None) -> float | None:
    """Result at the nearest scale ÷ best result; None without an answer or without any result.

    scales, result: (S,). Scales 1, 2, 4, results 0.2, 0.8, 0.4, answer 3.9 -> 0.5.
    """
    best = float(result.max())
    if scale is None or not best > 0:
        return None
    return float(result[np.argmin(np.abs(scales - scale))]) / best
