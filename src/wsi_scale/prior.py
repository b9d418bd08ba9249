"""What the metadata expect, before the network was asked."""

from __future__ import annotations

from wsi_scale.errors import SettingsError

METADATA = "metadata"
"""Name of their voice in a report."""

TRUSTED = 2.0
"""Metadata that are trusted may still be wrong by this factor either way."""

Window = tuple[float, float]


def expected_scale(training_mpp: float | None, mpp: tuple[float, float] | None) -> float | None:
    """Scale at which the slide has the µm/px that the network was trained at; None if not known.

    0.5 µm/px, slide (0.25, 0.25) -> 2.0. mpp: (x, y) of the slide's level 0.
    """
    if training_mpp is None or mpp is None:
        return None
    return scale_for(training_mpp, mpp)


def scale_for(wanted: float, mpp: tuple[float, float]) -> float:
    """Scale at which a slide of ``mpp`` (x, y) µm/px has ``wanted`` µm/px."""
    return wanted / (sum(mpp) / 2)


def narrowed(window: Window, expected: float | None) -> Window:
    """The part of a window of scales that trusted metadata leave.

    Raises SettingsError when they say nothing, or leave less than an octave.
    """
    if expected is None:
        raise SettingsError(
            "the metadata cannot be trusted where they say nothing: both the slide's µm/px (--mpp) "
            "and the network's (SPEC?mpp=0.5, or in its card) must be known"
        )
    lo, hi = max(window[0], expected / TRUSTED), min(window[1], expected * TRUSTED)
    if hi < 2 * lo:
        raise SettingsError(
            f"the metadata expect a scale of {expected:.3g}, which leaves less than an octave of "
            f"the window {window[0]:g} to {window[1]:g}; move --scales"
        )
    return lo, hi
