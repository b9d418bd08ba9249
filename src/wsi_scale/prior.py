"""What the metadata expect, before the network was asked."""

from __future__ import annotations

import math

from wsi_scale.errors import SettingsError

METADATA = "metadata"
"""Name of their voice in a report."""

TRUSTED = 2.0
"""Metadata that are trusted may still be wrong by this factor either way."""

CONTRADICTED = 0.5
"""Octaves between the answer and what the metadata expect, from which on one of them is wrong: more
than scanners of one nominal magnification differ, less than one step of magnification."""

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


def contradiction(scale: float | None, expected: float | None) -> tuple[str, ...]:
    """A warning when the answer and the metadata cannot both be right."""
    if scale is None or expected is None or abs(math.log2(scale / expected)) <= CONTRADICTED:
        return ()
    return (
        f"the metadata expect a scale of {expected:.3g} (the network's training µm/px over the "
        f"slide's), the network says {scale:.3g}: one of the two is wrong",
    )
