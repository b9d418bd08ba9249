"""One ramp of colours for scales, so that map, page and QuPath show the same."""

from __future__ import annotations

import math
from collections.abc import Iterable

Rgb = tuple[int, int, int]

RAMP: tuple[Rgb, ...] = (
    (68, 1, 84),
    (71, 44, 122),
    (59, 81, 139),
    (44, 113, 142),
    (33, 144, 141),
    (39, 173, 129),
    (92, 200, 99),
    (170, 220, 50),
    (253, 231, 37),
)
"""Dark to bright for fine to coarse; also in grey and for colour-blind eyes (viridis)."""

LEAST_OCTAVES = 1.0
"""The ramp spans at least this much, so that small differences look small."""


def ends_of(scales: Iterable[float]) -> tuple[float, float] | None:
    """The scales of the ramp's two ends; None without scales.

    >>> ends_of([2.0, 8.0])
    (2.0, 8.0)
    >>> [round(end, 2) for end in ends_of([2.0])]
    [1.41, 2.83]
    """
    known = [math.log2(scale) for scale in scales]
    if not known:
        return None
    more = max(0.0, LEAST_OCTAVES - (max(known) - min(known))) / 2
    return 2 ** (min(known) - more), 2 ** (max(known) + more)


def colour_of(scale: float, ends: tuple[float, float]) -> Rgb:
    """The colour of a scale between two ends, evenly in octaves.

    >>> colour_of(2.0, (2.0, 8.0)), colour_of(8.0, (2.0, 8.0)), colour_of(4.0, (2.0, 8.0))
    ((68, 1, 84), (253, 231, 37), (33, 144, 141))
    """
    share = math.log2(scale / ends[0]) / math.log2(ends[1] / ends[0])
    place = min(max(share, 0.0), 1.0) * (len(RAMP) - 1)
    below = min(int(place), len(RAMP) - 2)
    return _between(RAMP[below], RAMP[below + 1], place - below)


def _between(one: Rgb, other: Rgb, share: float) -> Rgb:
    red, green, blue = (round(x + share * (y - x)) for x, y in zip(one, other, strict=True))
    return red, green, blue


def ink_on(colour: Rgb) -> str:
    """Black or white, whichever can be read on a colour.

    >>> ink_on((68, 1, 84)), ink_on((253, 231, 37))
    ('#ffffff', '#000000')
    """
    red, green, blue = colour
    return "#000000" if 0.299 * red + 0.587 * green + 0.114 * blue > 140 else "#ffffff"
