"""Which reports may be exported: those that are ok, and those that the user asks for by verdict."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from types import ModuleType

from wsi_scale.errors import SettingsError
from wsi_scale.exports.facts import Facts


def why_not(facts: Facts, target: ModuleType, even_if: Collection[str]) -> str | None:
    """One sentence on why a slide is left out of an export; None if it goes in."""
    if facts.verdict != "ok" and facts.verdict not in even_if:
        return (
            f"{facts.path} is {facts.verdict} ({facts.reason}); check it, and export it all the "
            f"same with --even-if {facts.verdict}"
        )
    if "scale" in target.NEEDS and facts.scale is None:
        return f"{facts.path} has no scale ({facts.reason}), and {target.TOOL} needs one"
    if "mpp" in target.NEEDS and facts.slide_mpp is None:
        return (
            f"the µm/px of {facts.path} is not known, and {target.TOOL} needs it; give the "
            "slide's own to wsi-scale estimate with --mpp"
        )
    refuse = getattr(target, "refuse", None)
    refused: str | None = None if refuse is None else refuse(facts)
    return refused


def split(
    slides: Sequence[Facts], target: ModuleType, even_if: Collection[str]
) -> tuple[list[Facts], list[str]]:
    """The slides that are exported, and a sentence about each that is not.

    Raises SettingsError if none is exported; the message is about the first.
    """
    kept, left = [], []
    for facts in slides:
        reason = why_not(facts, target, even_if)
        if reason is None:
            kept.append(facts)
        else:
            left.append(reason)
    if not kept:
        more = f" (and {len(left) - 1} more slides are not exported)" if len(left) > 1 else ""
        raise SettingsError(f"{left[0]}{more}" if left else "there is no report to export")
    return kept, left
