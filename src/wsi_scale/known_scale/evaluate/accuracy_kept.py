"""How much of the network's best result is kept at the answered scale."""

from __future__ import annotations

import numpy as np

from wsi_scale.plumbing.arrays import Array
from wsi_scale.responses.record import Responses


def right_share(responses: Responses, kind: int) -> Array:
    """(S,) share of pyramids whose most probable class at each scale is ``kind``.

    For a network with one class, the share for which it predicts that class. NaN where no patch was
    cut.
    """
    if len(responses.classes) == 1:
        right = responses.outputs[:, 0] > 0
    else:
        right = responses.outputs.argmax(axis=1) == kind
    by_site = responses.on_grid(right.astype(float))
    count = np.isfinite(by_site).sum(axis=0)
    return np.asarray(
        np.where(count > 0, np.nansum(by_site, axis=0) / np.maximum(count, 1), np.nan)
    )


def kept_share(scales: Array, result: Array, scale: float | None) -> float | None:
    """Result at the nearest scale ÷ best result; None without an answer or any result above 0.

    scales, result: (S,); scale: the answer.

    >>> kept_share(np.array([1.0, 2.0, 4.0]), np.array([0.2, 0.8, 0.4]), 3.9)
    0.5
    """
    known = np.isfinite(result)
    if scale is None or not known.any() or result[known].max() <= 0:
        return None
    nearest = np.argmin(np.abs(scales[known] - scale))
    return float(result[known][nearest]) / float(result[known].max())
