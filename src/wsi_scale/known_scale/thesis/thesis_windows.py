"""The windows of scales that are searched; the same for every network."""

from __future__ import annotations

from wsi_scale.geometry import ScaleGrid

ScaleEnds = tuple[float, float]
"""First and last scale, both included."""

WHOLE: ScaleEnds = (0.5, 9.9)
"""The thesis's."""

WINDOWS: tuple[ScaleEnds, ...] = (WHOLE, (0.5, 5.9), (4.5, 9.9))
"""The thesis's window and its two halves."""

MARGIN = 0.5
"""A window is asked where the right scale lies at least so far inside it."""

CENTRED = 1.0
"""Where the window's middle is at most so far from the right scale, the middle itself counts as an
answer within ±1: nothing can be learnt there."""


def windows_of(grid: ScaleGrid, right: float) -> tuple[ScaleEnds, ...]:
    """The windows that hold the right scale, as far as the grid reaches."""
    first, last = grid.scales[0], grid.scales[-1]
    return tuple(
        (lo, hi) for lo, hi in WINDOWS if max(lo, first) + MARGIN <= right <= min(hi, last) - MARGIN
    )


def middle(window: ScaleEnds) -> float:
    """Answered without looking."""
    return sum(window) / 2


def is_centred(window: ScaleEnds, right: float) -> bool:
    """Whether the window's middle is as good as right."""
    return abs(middle(window) - right) <= CENTRED


def in_words(window: ScaleEnds, right: float) -> str:
    """``0.5–9.9``, with a star where it is centred."""
    return f"{window[0]:g}–{window[1]:g}" + (" \\*" if is_centred(window, right) else "")
