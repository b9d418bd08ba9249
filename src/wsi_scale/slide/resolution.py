"""µm/px and magnification: whether they fit together, and which scale the metadata suggest.

A magnification stands for a range of µm/px, never for one number.
"""

from __future__ import annotations

from typing import overload

from wsi_scale.errors import SettingsError

MPP_TIMES_POWER = (4.6, 11.0)
"""Range of µm/px times magnification in real slides: 20× means 0.23–0.55 µm/px, 40× means
0.115–0.275."""

NOMINAL = (1.25, 2.5, 4.0, 5.0, 10.0, 20.0, 40.0, 60.0, 100.0)
"""Magnifications of the objectives that microscopes and scanners are sold with."""

PLAIN = "magnification, not a resolution"
"""The note for a magnification that contradicts nothing."""

_ROUNDING = 1e-9

METADATA = "metadata"
"""Key of the metadata's answer under ``voices`` in a report."""

TRUSTED = 2.0
"""Trusted metadata may still be wrong by this factor in either direction."""


def expected_scale(training_mpp: float | None, mpp: tuple[float, float] | None) -> float | None:
    """Scale at which the slide has the µm/px that the network was trained at.

    Parameters
    ----------
    training_mpp : float or None
        µm/px of the training images.
    mpp : (float, float) or None
        µm per level-0 px of the slide, (x, y).

    Returns
    -------
    float or None
        Level-0 px per network px; None if either is not known.

    Examples
    --------
    >>> expected_scale(0.5, (0.25, 0.25))
    2.0
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
    """µm/px of a slide as one number: the mean of x and y.

    Parameters
    ----------
    mpp : (float, float) or None
        µm per level-0 px, (x, y).

    Returns
    -------
    float or None
        µm per level-0 px; None if it is not known.

    Examples
    --------
    >>> mean_mpp((0.5, 0.25))
    0.375
    """
    return None if mpp is None else sum(mpp) / 2


def usual_mpp(power: float) -> tuple[float, float]:
    """Smallest and largest µm/px that usually go with a nominal magnification.

    Parameters
    ----------
    power : float
        Magnification of the objective, e.g. 20.

    Returns
    -------
    (float, float)
        µm/px, finest and coarsest.

    Examples
    --------
    >>> [round(mpp, 3) for mpp in usual_mpp(20)]
    [0.23, 0.55]
    """
    low, high = MPP_TIMES_POWER
    return low / power, high / power


def like_power(mpp: float) -> tuple[float, float] | None:
    """Weakest and strongest objective that fit a µm/px; for display only.

    It is never used to derive µm/px.

    Parameters
    ----------
    mpp : float
        µm/px.

    Returns
    -------
    (float, float) or None
        Nominal magnifications; None below 0.046 and above 8.8 µm/px, where none fits.

    Examples
    --------
    >>> [like_power(mpp) for mpp in (0.5, 0.35, 0.25)]
    [(10.0, 20.0), (20.0, 20.0), (20.0, 40.0)]
    """
    low, high = (end / mpp for end in MPP_TIMES_POWER)
    fits = [x for x in NOMINAL if low * (1 - _ROUNDING) <= x <= high * (1 + _ROUNDING)]
    return (fits[0], fits[-1]) if fits else None


def power_note(power: float | None, mpp: tuple[float, float] | None) -> str:
    """Whether a stated magnification fits a stated µm/px (x, y), in words."""
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
    """Scale at which a slide has a given µm/px.

    Parameters
    ----------
    wanted : float
        µm per network px.
    mpp : (float, float)
        µm per level-0 px of the slide, (x, y).

    Returns
    -------
    float
        Level-0 px per network px.

    Examples
    --------
    >>> scale_for(1.0, (0.25, 0.25))
    4.0
    """
    return wanted / mean_mpp(mpp)


def narrowed(window: tuple[float, float], expected: float | None) -> tuple[float, float]:
    """The part of a window of scales that lies within a factor of 2 of the expected scale.

    Raises SettingsError if no scale is expected, or if less than an octave is left.

    >>> narrowed((0.5, 16.0), 2.0)
    (1.0, 4.0)
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
