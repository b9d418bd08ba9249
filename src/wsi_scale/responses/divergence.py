"""How far a network's channels are from the statistics they store of their training data."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wsi_scale.networks.batchnorm import NEVER_FIRED
from wsi_scale.plumbing.arrays import Array

CONSTANT = 1e-5
"""Share of the stored variance; below it a channel counts as constant."""


def fires(stored_var: Array) -> NDArray[np.bool_]:
    """Which channels fired in training, (C,); the others carry no information."""
    return np.asarray(stored_var > NEVER_FIRED)


def discrepancy(mean: Array, var: Array, root: Array | float) -> Array:
    """Distance from the training data as a vector (2C,): first the means, then the variances.

    To second order, its squared length is the divergence KL( N(mean, var) ‖ N(0, 1) ) in nats,
    summed over channels by weight. mean, var: (C,), in units in which the training data have mean 0
    and variance 1. root: square roots of the channels' weights.
    """
    spread = np.maximum(var, CONSTANT)
    return np.concatenate([root * mean / np.sqrt(2), root * np.log(spread) / 2])
