"""The thesis's method with all its settings: the numbers of Tables 2–5; without torch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from wsi_scale.estimators.contract import Options
from wsi_scale.estimators.extrema import channel_extrema, gradient_layer, kept, of_kept, pool
from wsi_scale.known_scale.thesis.names import FAMILY
from wsi_scale.known_scale.thesis.tally import Tally, tally
from wsi_scale.known_scale.thesis.thesis_windows import WHOLE, ScaleEnds
from wsi_scale.responses.record import Responses, merge

SIGMAS = tuple(range(7, 16))
"""Smoothing in grid steps."""

PERCENTS = (40, 50, 60)
"""Percentages of channels kept."""

SIGMA, PERCENT = 8, 50
"""Settings of Table 5."""


@dataclass(frozen=True)
class Sweep:
    """One setting of the method and its answer for every class."""

    network: str
    window: ScaleEnds
    responses: str
    """``measured``; or ``shuffled`` over the scales, for answers by chance."""
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
        """Whether window and settings are those of the thesis's Table 5."""
        knobs = (self.sigma, self.keep_percent, self.gradient, self.statistic)
        return self.window == WHOLE and knobs == (SIGMA, PERCENT, "before", "median")

    @property
    def tally(self) -> Tally:
        """The answers counted."""
        return tally(self.answers, FAMILY[self.network].scale)


def sweep(
    network: str, window: ScaleEnds, what: str, classes: Sequence[Responses]
) -> Iterator[Sweep]:
    """Every setting; the extrema for one smoothing are found once and shared.

    classes: responses by class, cut to the window.
    """
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
            chosen = of_kept(found, mask)
            for statistic in ("median", "mean"):
                pyramids = pool(chosen, statistic)
                by_class = np.array([pyramids[owner == k] for k in range(len(classes))])
                answers = tuple(float(x) for x in pool(by_class, statistic))
                yield Sweep(network, window, what, gradient, statistic, sigma, percent, answers)
