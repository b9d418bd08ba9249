"""The magnification that TRIDENT and AtlasPatch give a slide, which decides what they read."""

from __future__ import annotations

from wsi_scale.exports.facts import Facts

BUCKETS = ((0.16, 80), (0.2, 60), (0.3, 40), (0.6, 20), (1.2, 10), (2.4, 5))
"""Below so many µm/px, the slide counts as so many ×."""


def bucket(mpp: float) -> int | None:
    """The magnification that a slide's µm/px counts as; None if both tools refuse it.

    >>> bucket(0.25), bucket(0.3), bucket(2.4)
    (40, 20, None)
    """
    return next((power for below, power in BUCKETS if mpp < below), None)


def power_of(facts: Facts) -> int:
    """The same for a slide that was not refused."""
    power = bucket(facts.needed_mpp)
    assert power is not None
    return power


def refuse_coarse(facts: Facts, tool: str) -> str | None:
    """One sentence about a slide that is too coarse for these tools."""
    if bucket(facts.needed_mpp) is None:
        return (
            f"{facts.path} has {facts.needed_mpp:.3g} µm/px, and {tool} refuses slides of 2.4 "
            "µm/px and coarser"
        )
    return None
