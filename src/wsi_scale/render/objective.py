"""µm per pixel in the words of the microscope. Only words: a nominal objective is no measure."""

from __future__ import annotations

OBJECTIVES = (1.25, 2.5, 5.0, 10.0, 20.0, 40.0, 80.0)
"""Nominal magnifications that scanners and their pyramids offer."""

UM_AT_ONE = 10.0
"""µm/px of a nominal 1×: what scanners sell as 40× has about 0.25 µm/px, as 20× about 0.5."""

ALIKE = 0.15
"""Scanners of one nominal magnification differ by about so much."""


def like_objective(mpp: float) -> str:
    """Between which nominal magnifications µm/px lie: 0.5 -> ``like 20×``, 0.71 -> ``like 10–20×``.

    ``below 1.25×`` and ``above 80×`` beyond them.
    """
    power = UM_AT_ONE / mpp
    for named in OBJECTIVES:
        if abs(power / named - 1) <= ALIKE:
            return f"like {named:g}×"
    if power < OBJECTIVES[0]:
        return f"below {OBJECTIVES[0]:g}×"
    if power > OBJECTIVES[-1]:
        return f"above {OBJECTIVES[-1]:g}×"
    above = next(i for i, named in enumerate(OBJECTIVES) if named > power)
    return f"like {OBJECTIVES[above - 1]:g}–{OBJECTIVES[above]:g}×"
