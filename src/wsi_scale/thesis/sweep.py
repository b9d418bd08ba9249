"""The thesis's method over its knobs: the numbers of Tables 2–5, in seconds; no torch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wsi_scale.estimators import Options
from wsi_scale.estimators.extrema import channel_extrema, gradient_layer, kept, of_kept, pool
from wsi_scale.responses import Responses, merge
from wsi_scale.thesis.names import FAMILY

SIGMAS = tuple(range(7, 16))
"""Smoothing in grid steps."""

PERCENTS = (40, 50, 60)
"""Channels kept."""

SIGMA, PERCENT = 8, 50
"""Of Table 5."""


@dataclass(frozen=True)
class Sweep:
    """One setting of the knobs and its answer for every class."""

    network: str
    responses: str
    """``measured``, or ``shuffled`` over the scales, which is chance."""
    gradient: str
    """``before`` or ``after`` softmax."""
    statistic: str
    """``median`` or ``mean``."""
    sigma: int
    keep_percent: int
    answers: tuple[float, ...]
    """One per class; NaN where no extremum was found."""

    @property
    def as_written(self) -> bool:
        """Whether the knobs are those of the thesis's Table 5."""
        knobs = (self.sigma, self.keep_percent, self.gradient, self.statistic)
        return knobs == (SIGMA, PERCENT, "before", "median")

    @property
    def deviations(self) -> NDArray[np.float64]:
        """Answer − right scale, by class."""
        return np.array(self.answers) - FAMILY[self.network].scale

    @property
    def squared_deviation(self) -> float:
        """Sum over the classes."""
        return float((self.deviations**2).sum())

    def within(self, limit: float) -> int:
        """Classes whose answer is at most ``limit`` off."""
        return int((np.abs(self.deviations) <= limit + 1e-9).sum())


def sweep(network: str, what: str, classes: Sequence[Responses]) -> Iterator[Sweep]:
    """Every setting; extrema are sought once per smoothing and shared by the rest."""
    responses = merge(list(classes))
    owner = np.repeat(np.arange(len(classes)), [len(one.sites) for one in classes])
    layer = gradient_layer(responses, Options())
    scales, values = np.array(responses.grid.scales), responses.on_grid(layer.mean)
    keep = {
        (gradient, percent): kept(
            responses, layer, Options(gradient=gradient, keep_percent=percent)
        )
        for gradient in ("before", "after")
        for percent in PERCENTS
    }
    for sigma in SIGMAS:
        found = channel_extrema(scales, values, sigma)
        for (gradient, percent), mask in keep.items():
            heard = of_kept(found, mask)
            for statistic in ("median", "mean"):
                pyramids = pool(heard, statistic)
                by_class = np.array([pyramids[owner == k] for k in range(len(classes))])
                answers = tuple(float(x) for x in pool(by_class, statistic))
                yield Sweep(network, what, gradient, statistic, sigma, percent, answers)
