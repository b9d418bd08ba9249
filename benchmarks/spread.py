"""How sure a figure is, and how many answers are near: what every table here says alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np


def interval(
    values: np.ndarray, of: Callable[..., Any] = np.median, draws: int = 2000
) -> tuple[float, float]:
    """90 % interval of a statistic, the cases drawn again with replacement."""
    drawn = np.random.default_rng(0).choice(values, (draws, len(values)))
    low, high = np.quantile(of(drawn, axis=1), [0.05, 0.95])
    return float(low), float(high)


def told(values: np.ndarray, of: Callable[..., Any] = np.median, digits: str = ".3f") -> str:
    """A statistic with its interval, ``0.032 [0.027, 0.037]``."""
    low, high = interval(values, of)
    return f"{of(values):{digits}} [{low:{digits}}, {high:{digits}}]"


def near(octaves: np.ndarray) -> tuple[float, float]:
    """Shares of errors, 0 or more octaves, within 10 % and within 25 %."""
    within = [np.mean(octaves <= np.log2(1 + share)) for share in (0.10, 0.25)]
    return float(within[0]), float(within[1])


def best_constant(truths: Sequence[float]) -> float:
    """The value that, answered in every case, has the least median error in octaves."""
    octaves = np.log2(truths)
    tried = np.linspace(octaves.min(), octaves.max(), 501)
    return float(2 ** tried[np.argmin(np.median(np.abs(tried[:, None] - octaves), axis=1))])
