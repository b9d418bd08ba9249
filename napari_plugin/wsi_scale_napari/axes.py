"""Converts scales and scores to positions on the plot, and back."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Axes:
    """A rectangle of the plot: scales from left to right, logarithmic; scores from bottom to
    top."""

    left: float
    top: float
    width: float
    height: float
    scales: tuple[float, float]
    scores: tuple[float, float]

    def x(self, scale: float) -> float:
        low, high = self.scales
        return self.left + self.width * math.log(scale / low) / math.log(high / low)

    def y(self, score: float) -> float:
        """The position of a score; scores beyond the ends are moved to them."""
        low, high = self.scores
        share = min(1.0, max(0.0, (score - low) / (high - low)))
        return self.top + self.height * (1 - share)

    def scale_at(self, x: float) -> float:
        """The scale at a pixel, limited to the ends."""
        low, high = self.scales
        share = min(1.0, max(0.0, (x - self.left) / self.width))
        return float(low * (high / low) ** share)

    def holds(self, scale: float) -> bool:
        return self.scales[0] <= scale <= self.scales[1]
