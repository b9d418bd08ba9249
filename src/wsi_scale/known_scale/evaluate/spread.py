"""The uncertainty of a median when some of its numbers err together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

RESAMPLES = 1000


def median_interval(blocks: Mapping[str, Sequence[float]]) -> tuple[float, float]:
    """90 % interval of the median of all numbers, by drawing whole blocks with replacement.

    blocks: by name; at least one, none empty. With one block both ends are its median.

    >>> median_interval({"slide 1": [1.0, 2.0, 3.0]})
    (2.0, 2.0)
    """
    arrays = [np.array(block) for block in blocks.values()]
    rng = np.random.default_rng(0)
    draws = rng.integers(len(arrays), size=(RESAMPLES, len(arrays)))
    medians = [np.median(np.concatenate([arrays[i] for i in draw])) for draw in draws]
    low, high = np.quantile(medians, [0.05, 0.95])
    return float(low), float(high)
