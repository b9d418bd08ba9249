"""Scales between which the network says much the same as at the answer."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wsi_scale.estimators.curves import Pool
from wsi_scale.responses import Responses

Array = NDArray[np.float64]


def steady_band(responses: Responses, scale: float, share: float) -> tuple[float, float]:
    """Scales around ``scale`` between which at most ``share`` of the predictions change.

    Compared are the class shares averaged over sites: half the sum of their absolute differences
    from those at the grid scale nearest to ``scale``, linear between grid scales. Of a segmenter
    that is measured against what it finds there: background is most of a slide at every scale.
    Always holds ``scale``.
    """
    shares = responses.on_grid(responses.share)
    if responses.task == "segment":
        shares = shares[..., np.unique(responses.target)]
    found = shares.shape[2]
    shares = np.concatenate([shares, 1 - shares.sum(axis=2, keepdims=True)], axis=2)
    pooled = Pool(shares).mean(np.ones(len(responses.sites)))
    octaves = np.log2(np.array(responses.grid.scales))
    home = int(np.argmin(np.abs(octaves - np.log2(scale))))
    least = 1 / (responses.input_size**2 * len(responses.sites))  # one pixel
    whole = pooled[home, :found].sum() if responses.task == "segment" else 1.0
    changed = np.abs(pooled - pooled[home]).sum(axis=1) / 2 / max(whole, least)
    known = np.isfinite(changed)
    down = slice(home, None, -1)
    low = -_reach(-octaves[down], changed[down], known[down], share)
    high = _reach(octaves[home:], changed[home:], known[home:], share)
    return min(float(2**low), scale), max(float(2**high), scale)


def _reach(octaves: Array, changed: Array, known: NDArray[np.bool_], share: float) -> float:
    """How far, from the first on, ``changed`` stays within ``share``; linear between scales."""
    octaves, changed = octaves[known], changed[known]
    beyond = np.flatnonzero(changed > share)
    if len(beyond) == 0:
        return float(octaves[-1])
    first = int(beyond[0])
    part = (share - changed[first - 1]) / (changed[first] - changed[first - 1])
    return float(octaves[first - 1] + part * (octaves[first] - octaves[first - 1]))
