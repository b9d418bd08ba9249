"""Scales between which the network says much the same as at the answer."""

from __future__ import annotations

import numpy as np

from wsi_scale.estimators.curves import Pool
from wsi_scale.responses import Responses


def steady_band(responses: Responses, scale: float, share: float) -> tuple[float, float]:
    """Scales around ``scale`` between which at most ``share`` of the predictions change.

    Compared are the class shares averaged over sites: half the sum of their absolute differences
    from those at the grid scale nearest to ``scale``. Always holds ``scale``.
    """
    shares = responses.on_grid(responses.share)
    if shares.shape[2] == 1:
        shares = np.concatenate([shares, 1 - shares], axis=2)
    pooled = Pool(shares).mean(np.ones(len(responses.sites)))
    scales = np.array(responses.grid.scales)
    home = int(np.argmin(np.abs(np.log(scales / scale))))
    within = np.abs(pooled - pooled[home]).sum(axis=1) / 2 <= share
    low = high = home
    while low > 0 and within[low - 1]:
        low -= 1
    while high < len(scales) - 1 and within[high + 1]:
        high += 1
    return min(float(scales[low]), scale), max(float(scales[high]), scale)
