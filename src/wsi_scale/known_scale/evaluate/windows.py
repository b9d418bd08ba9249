"""The windows of scales in which a slide is searched; the truth is never at the middle."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from wsi_scale.errors import SettingsError
from wsi_scale.geometry import ScaleGrid

OCTAVES = 3.0
"""Width of a drawn window, in octaves."""

AWAY = (0.5, 1.0)
"""Smallest and largest distance from the truth to the middle of a drawn window, in octaves."""

CENTRED = 0.25
"""Smallest distance from the truth to a window's middle, in octaves. If they were closer, answering
the middle without measuring anything would be right within 19 %."""

INSIDE = 0.25
"""Smallest distance from the truth to each end of a window, in octaves."""

NARROWEST = 1.0
"""Smallest width of a window, in octaves."""

EXAMPLE = "0.2:1.7,0.6:5"
_SLACK = 1e-9


@dataclass(frozen=True)
class ScaleWindow:
    """First and last scale, level-0 px per network px; or both as factors of the right scale."""

    lo: float
    hi: float

    @property
    def middle(self) -> float:
        """The scale half-way in octaves, which can be answered without measuring anything."""
        return math.sqrt(self.lo * self.hi)

    def times(self, scale: float) -> ScaleWindow:
        """The window in scales, if this one holds factors of ``scale``."""
        return ScaleWindow(self.lo * scale, self.hi * scale)

    def is_fair(self, truth: float) -> bool:
        """Whether the truth lies inside but away from the middle, and the window is wide enough."""
        return (
            math.log2(self.hi / self.lo) >= NARROWEST - _SLACK
            and abs(math.log2(self.middle / truth)) >= CENTRED - _SLACK
            and min(math.log2(truth / self.lo), math.log2(self.hi / truth)) >= INSIDE - _SLACK
        )


def draw_factors(seed: int, number: int) -> tuple[ScaleWindow, ScaleWindow]:
    """Two windows for one slide, as factors. The middle of one lies 0.5 to 1 octave below the
    truth, the middle of the other as far above it.

    number: any whole number from 0 that stands for the slide. The same seed and number give the
    same windows.
    """
    rng = np.random.default_rng([seed, 11, number])
    half = OCTAVES / 2
    middles = [side * rng.uniform(*AWAY) for side in (-1, 1)]
    below, above = (ScaleWindow(2 ** (x - half), 2 ** (x + half)) for x in middles)
    return below, above


def parse_factors(text: str) -> tuple[ScaleWindow, ...]:
    """Windows given as factors of the right scale.

    Parameters
    ----------
    text : str
        ``LO:HI``, or several separated by commas.

    Returns
    -------
    tuple[ScaleWindow, ...]

    Raises
    ------
    SettingsError
        When a part is not ``LO:HI`` with 0 < LO < HI, or factor 1 is less than 0.25 octave from
        the window's middle or from one of its ends.

    Examples
    --------
    >>> parse_factors("0.2:1.7,0.6:5")
    (ScaleWindow(lo=0.2, hi=1.7), ScaleWindow(lo=0.6, hi=5.0))
    """
    out = []
    for part in text.split(","):
        lo, _, hi = part.partition(":")
        try:
            window = ScaleWindow(float(lo), float(hi))
        except ValueError:
            window = ScaleWindow(0, 0)
        if not (0 < window.lo < window.hi < math.inf):
            raise SettingsError(
                f"--windows takes factors LO:HI of the right scale, for example {EXAMPLE}; "
                f"got {part!r}"
            )
        if not window.is_fair(1.0):
            raise SettingsError(
                f"window {part} has the right scale (factor 1) too near its middle or an end: its "
                f"middle {window.middle:.2g} must be {CENTRED} octave away, both ends {INSIDE}; "
                f"for example {EXAMPLE}"
            )
        out.append(window)
    return tuple(out)


def union(windows: tuple[ScaleWindow, ...]) -> ScaleWindow:
    """The narrowest window that holds all."""
    return ScaleWindow(min(x.lo for x in windows), max(x.hi for x in windows))


def fair_windows(
    windows: tuple[ScaleWindow, ...], grid: ScaleGrid, truth: float
) -> tuple[ScaleWindow, ...]:
    """The windows, cut to the scales of a grid, if they are still fair.

    If a slide is too small for a window's upper end, the window is cut. It is left out if the truth
    then lies too near its middle or an end.
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
