"""What a nominal magnification says about pixel size: a range, never a number."""

from __future__ import annotations

MPP_TIMES_POWER = (4.6, 11.0)
"""Between these µm/px times magnification lies in slides as they are: 20× spans 0.23–0.55 µm/px,
40× 0.115–0.275."""

NOMINAL = (1.25, 2.5, 4.0, 5.0, 10.0, 20.0, 40.0, 60.0, 100.0)
"""Objectives that microscopes and scanners are sold with."""

PLAIN = "magnification, no resolution"
"""All there is to say of a magnification that contradicts nothing."""

_ROUNDING = 1e-9


def usual_mpp(power: float) -> tuple[float, float]:
    """Between which µm/px pixels behind a nominal magnification lie: 20 -> 0.23, 0.55."""
    low, high = MPP_TIMES_POWER
    return low / power, high / power


def like_power(mpp: float) -> tuple[float, float] | None:
    """The weakest and the strongest nominal objective whose pixels may be that large.

    0.5 µm/px -> 10, 20; 0.25 -> 20, 40; 0.35 -> 20, 20. None where not even the ends of the list
    fit: below 0.046 and above 8.8 µm/px. For people to read; µm/px never comes of it.
    """
    low, high = (end / mpp for end in MPP_TIMES_POWER)
    fits = [x for x in NOMINAL if low * (1 - _ROUNDING) <= x <= high * (1 + _ROUNDING)]
    return (fits[0], fits[-1]) if fits else None


def power_note(power: float | None, mpp: tuple[float, float] | None) -> str:
    """What to make of a stated magnification beside a stated µm/px (x, y)."""
    if power is None or mpp is None:
        return PLAIN
    low, high = usual_mpp(power)
    mean = sum(mpp) / 2
    if low * (1 - _ROUNDING) <= mean <= high * (1 + _ROUNDING):
        return PLAIN
    return (
        f"{power:g}× usually means {low:.3g}–{high:.3g} µm/px, which {mean:.3g} is not: the "
        "magnification or the µm/px is wrong, or the image was resized"
    )
