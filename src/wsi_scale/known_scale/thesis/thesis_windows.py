"""The windows of scales that are searched, the same for every network."""

from __future__ import annotations

from wsi_scale.geometry import ScaleGrid

ScaleEnds = tuple[float, float]
"""First and last scale, both included."""

WHOLE: ScaleEnds = (0.5, 9.9)
"""The thesis's window."""

WINDOWS: tuple[ScaleEnds, ...] = (WHOLE, (0.5, 5.9), (4.5, 9.9))
"""The thesis's window and its two halves."""

MARGIN = 0.5
"""A window is used if the right scale lies at least this far inside it."""

CENTRED = 1.0
"""If the window's middle is at most this far from the right scale, answering the middle counts as
within ±1, so the window shows nothing."""


def windows_of(grid: ScaleGrid, right: float) -> tuple[ScaleEnds, ...]:
    """The windows that hold the right scale, within the limits of the grid."""
    first, last = grid.scales[0], grid.scales[-1]
    return tuple(
        (lo, hi) for lo, hi in WINDOWS if max(lo, first) + MARGIN <= right <= min(hi, last) - MARGIN
    )


def middle(window: ScaleEnds) -> float:
    """The middle of a window, which can be answered without measuring anything.

    >>> middle((0.5, 9.9))
    5.2
    """
    return sum(window) / 2


def is_centred(window: ScaleEnds, right: float) -> bool:
    """Whether the window's middle is close to the right scale."""
    return abs(middle(window) - right) <= CENTRED


def in_words(window: ScaleEnds, right: float) -> str:
    """The window as text, such as ``0.5–9.9``, with a star if it is centred."""
    return f"{window[0]:g}–{window[1]:g}" + (" \\*" if is_centred(window, right) else "")
