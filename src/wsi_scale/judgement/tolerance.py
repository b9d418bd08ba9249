"""Scales between which the network says much the same as at the answer."""

from __future__ import annotations

import numpy as np

from wsi_scale.estimators.curves import Pool
from wsi_scale.plumbing.arrays import Array
from wsi_scale.responses.record import Responses


def steady_band(responses: Responses, scale: float, share: float) -> tuple[float, float]:
    """Scales around ``scale`` between which at most ``share`` of the predictions change.

    Compared are the class shares averaged over sites: half the sum of their absolute differences
    from those at ``scale``, linear between measured scales. Of a segmenter that is measured against
    what it finds there: background is most of a slide at every scale. Always holds ``scale``.
    """
    shares = responses.on_grid(responses.share)
    segments = responses.task == "segment"
    if segments:
        shares = shares[..., np.unique(responses.target)]
    pooled = Pool(shares).mean(np.ones(len(responses.sites)))
    known = np.isfinite(pooled).all(axis=1)
    octaves, pooled = np.log2(np.array(responses.grid.scales))[known], pooled[known]
    home = float(np.clip(np.log2(scale), octaves[0], octaves[-1]))
    here = np.array([np.interp(home, octaves, of_class) for of_class in pooled.T])
    least = 1 / (responses.input_size**2 * len(responses.sites))  # one pixel
    off = pooled - here
    changed = (np.abs(off).sum(axis=1) + np.abs(off.sum(axis=1))) / 2  # the last: all else
    changed /= max(here.sum(), least) if segments else 1.0
    above, below = octaves > home, octaves < home
    high = home + _reach(np.r_[0, octaves[above] - home], np.r_[0, changed[above]], share)
    low = home - _reach(
        np.r_[0, home - octaves[below][::-1]], np.r_[0, changed[below][::-1]], share
    )
    return min(float(2**low), scale), max(float(2**high), scale)


def _reach(octaves: Array, changed: Array, share: float) -> float:
    """How far, from the first on, ``changed`` stays within ``share``; linear between scales."""
    beyond = np.flatnonzero(changed > share)
    if len(beyond) == 0:
        return float(octaves[-1])
    first = int(beyond[0])
    part = (share - changed[first - 1]) / (changed[first] - changed[first - 1])
    return float(octaves[first - 1] + part * (octaves[first] - octaves[first - 1]))
