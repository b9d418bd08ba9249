"""µm/px and magnification: what they say of each other, and which scale they lead one to expect.

Magnification names a range of µm/px and never a number.
"""

from __future__ import annotations

from typing import overload

from wsi_scale.errors import SettingsError

MPP_TIMES_POWER = (4.6, 11.0)
"""Between these µm/px times magnification lies in slides as they are: 20× spans 0.23–0.55 µm/px,
40× 0.115–0.275."""

NOMINAL = (1.25, 2.5, 4.0, 5.0, 10.0, 20.0, 40.0, 60.0, 100.0)
"""Objectives that microscopes and scanners are sold with."""

PLAIN = "magnification, not a resolution"
"""All there is to say of a magnification that contradicts nothing."""

_ROUNDING = 1e-9

METADATA = "metadata"
"""Name of their voice in a report."""

TRUSTED = 2.0
"""Metadata that are trusted may still be wrong by this factor either way."""


def expected_scale(training_mpp: float | None, mpp: tuple[float, float] | None) -> float | None:
    """Scale at which the slide has the µm/px that the network was trained at; None if not known.

    0.5 µm/px, slide (0.25, 0.25) -> 2.0. mpp: (x, y) of the slide's level 0.
    """
    if training_mpp is None or mpp is None:
        return None
    return scale_for(training_mpp, mpp)


@overload
def mean_mpp(mpp: tuple[float, float]) -> float: ...
@overload
def mean_mpp(mpp: None) -> None: ...
@overload
def mean_mpp(mpp: tuple[float, float] | None) -> float | None: ...
def mean_mpp(mpp: tuple[float, float] | None) -> float | None:
    """One number for the µm/px of a slide, the mean of x and y; None where it is not known.

    (0.5, 0.25) -> 0.375.
    """
    return None if mpp is None else sum(mpp) / 2


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
    mean = mean_mpp(mpp)
    if low * (1 - _ROUNDING) <= mean <= high * (1 + _ROUNDING):
        return PLAIN
    return (
        f"{power:g}× usually means {low:.3g}–{high:.3g} µm/px, not {mean:.3g}: the "
        "magnification or the µm/px is wrong, or the image was resized"
    )


def scale_for(wanted: float, mpp: tuple[float, float]) -> float:
    """Scale at which a slide of ``mpp`` (x, y) µm/px has ``wanted`` µm/px."""
    return wanted / mean_mpp(mpp)


def narrowed(window: tuple[float, float], expected: float | None) -> tuple[float, float]:
    """The part of a window of scales that trusted metadata leave.

    Raises SettingsError when they say nothing, or leave less than an octave.
    """
    if expected is None:
        raise SettingsError(
            "the metadata state too little to be trusted; give both the slide's µm/px (--mpp) and "
            "the network's (SPEC?mpp=0.5, or in its card)"
        )
    lo, hi = max(window[0], expected / TRUSTED), min(window[1], expected * TRUSTED)
    if hi < 2 * lo:
        raise SettingsError(
            f"the metadata suggest a scale of {expected:.3g}, which leaves less than an octave of "
            f"the window {window[0]:g} to {window[1]:g}; change --scales"
        )
    return lo, hi
