"""How far a network's channels are from what they remember of their training data."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wsi_scale.networks.batchnorm import NEVER_FIRED
from wsi_scale.plumbing.arrays import Array

CONSTANT = 1e-5
"""Share of the stored variance below which a channel counts as constant."""


def fires(stored_var: Array) -> NDArray[np.bool_]:
    """Which channels fired in training, (C,); the others say nothing."""
    return np.asarray(stored_var > NEVER_FIRED)


def discrepancy(mean: Array, var: Array, root: Array | float) -> Array:
    """Distance from the training data as a vector (2C,), of means and then of variances.

    Its squared length is to second order the divergence KL( N(mean, var) ‖ N(0, 1) ) in nats, added
    up over channels by weight. mean, var: (C,) of each channel, in units in which the training data
    have mean 0 and variance 1. root: square roots of the channels' weights.
    """
    spread = np.maximum(var, CONSTANT)
    return np.concatenate([root * mean / np.sqrt(2), root * np.log(spread) / 2])
