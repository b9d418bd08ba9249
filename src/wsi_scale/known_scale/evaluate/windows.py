"""The windows of scales in which a slide is searched: the truth is never at the middle."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from wsi_scale.errors import SettingsError
from wsi_scale.geometry import ScaleGrid

OCTAVES = 3.0
"""Width of a drawn window."""

AWAY = (0.5, 1.0)
"""Octaves from the truth to the middle of a drawn window."""

CENTRED = 0.25
"""A middle closer to the truth than so many octaves is no window to test in: the middle itself,
answered without looking, would be right within 19 %."""

INSIDE = 0.25
"""Octaves that the truth lies inside a window at least."""

NARROWEST = 1.0
"""Octaves."""

EXAMPLE = "0.2:1.7,0.6:5"
_SLACK = 1e-9


@dataclass(frozen=True)
class ScaleWindow:
    """First and last scale, level-0 px per network px; or both as factors of the right scale."""

    lo: float
    hi: float

    @property
    def middle(self) -> float:
        """The scale half-way in octaves: answered without looking."""
        return math.sqrt(self.lo * self.hi)

    def times(self, scale: float) -> ScaleWindow:
        """Factors become scales."""
        return ScaleWindow(self.lo * scale, self.hi * scale)

    def is_fair(self, truth: float) -> bool:
        """Whether the truth lies inside and not at the middle, and the window is wide enough."""
        return (
            math.log2(self.hi / self.lo) >= NARROWEST - _SLACK
            and abs(math.log2(self.middle / truth)) >= CENTRED - _SLACK
            and min(math.log2(truth / self.lo), math.log2(self.hi / truth)) >= INSIDE - _SLACK
        )


def draw_factors(seed: int, number: int) -> tuple[ScaleWindow, ScaleWindow]:
    """Two windows for one slide, as factors: the middle of one lies below the truth, of the other
    above it, each 0.5 to 1 octave away.

    number: of the slide, any whole number from 0. The same two numbers give the same windows.
    """
    rng = np.random.default_rng([seed, 11, number])
    half = OCTAVES / 2
    middles = [side * rng.uniform(*AWAY) for side in (-1, 1)]
    below, above = (ScaleWindow(2 ** (x - half), 2 ** (x + half)) for x in middles)
    return below, above


def parse_factors(text: str) -> tuple[ScaleWindow, ...]:
    """``LO:HI,LO:HI`` as factors of the right scale. Raises SettingsError for unfair ones."""
    out = []
    for part in text.split(","):
        lo, _, hi = part.partition(":")
        try:
            window = ScaleWindow(float(lo), float(hi))
        except ValueError:
            window = ScaleWindow(0, 0)
        if not (0 < window.lo < window.hi < math.inf):
            raise SettingsError(
                f"--windows are factors LO:HI of the right scale, for example {EXAMPLE}, "
                f"got {part!r}"
            )
        if not window.is_fair(1.0):
            raise SettingsError(
                f"window {part} has the right scale (factor 1) at its middle or too near an end: "
                f"the middle {window.middle:.2g} must be {CENTRED} octave away, both ends "
                f"{INSIDE}; for example {EXAMPLE}"
            )
        out.append(window)
    return tuple(out)


def union(windows: tuple[ScaleWindow, ...]) -> ScaleWindow:
    """The narrowest window that holds all."""
    return ScaleWindow(min(x.lo for x in windows), max(x.hi for x in windows))


def fair_windows(
    windows: tuple[ScaleWindow, ...], grid: ScaleGrid, truth: float
) -> tuple[ScaleWindow, ...]:
    """What is left of the windows on a grid: from one of its scales to another, and still fair.

    A slide too small for a window's upper end cuts it; what then has the truth at its middle is
    left out.
    """
    scales = np.array(grid.scales)
    out = []
    for window in windows:
        inside = scales[(scales >= window.lo - _SLACK) & (scales <= window.hi + _SLACK)]
        if len(inside) < 2:
            continue
        cut = ScaleWindow(float(inside[0]), float(inside[-1]))
        if cut.is_fair(truth):
            out.append(cut)
    return tuple(out)
