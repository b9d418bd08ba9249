"""Checks whether the levels of a slide make a plausible pyramid: pure arithmetic."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from wsi_scale.geometry import Level
from wsi_scale.slide.metadata import Finding

ASPECT = 0.02
"""The ratios by which width and height shrank may differ by this share, in addition to what
rounding to whole pixels explains."""

STEPS = (1.1, 32.0)
"""Least and largest plausible factor from one level to the next."""


def audit_levels(levels: Sequence[Level]) -> tuple[Finding, ...]:
    """One finding for every oddity of a level compared with level 0 or with the level before it.

    levels: finest first.

    >>> (finding,) = audit_levels([Level(1000, 800, 1.0), Level(500, 380, 2.05)])
    >>> finding.note
    'width shrank by 2 and height by 2.105: it may show another part, or be padded'
    """
    return tuple(
        Finding(f"level {number}", f"{level.width} × {level.height} px", None, "information", note)
        for number, level in enumerate(levels)
        for note in _oddities(levels, number)
    )


def _oddities(levels: Sequence[Level], number: int) -> Iterator[str]:
    if number == 0:
        return
    whole, level, finer = levels[0], levels[number], levels[number - 1]
    across, down = whole.width / level.width, whole.height / level.height
    slack = ASPECT + 1 / level.width + 1 / level.height
    if abs(across / down - 1) > slack:
        yield (
            f"width shrank by {across:.4g} and height by {down:.4g}: it may show another part, or "
            "be padded"
        )
    elif abs(level.downsample / ((across + down) / 2) - 1) > slack:
        yield f"stated as ×{level.downsample:.4g}, but its size gives ×{(across + down) / 2:.4g}"
    step = level.downsample / finer.downsample
    if step <= 1:
        yield f"not coarser than level {number - 1} before it"
    elif not STEPS[0] <= step <= STEPS[1]:
        yield f"{step:.3g} times as coarse as level {number - 1} before it, an unusual step"
