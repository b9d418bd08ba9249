"""How every exported text begins: for whom it is, and what its reader must know."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from wsi_scale.exports.escape import comment
from wsi_scale.exports.facts import Facts
from wsi_scale.plumbing.version import __version__


def sentences(tool: str, slides: Sequence[Facts], left_out: Sequence[str]) -> list[str]:
    """For whom it is; then doubts about slides; then slides that are not in it."""
    found = [f"For {tool}, written by wsi-scale."]
    found += [f"{facts.path}: {note}" for facts in slides for note in facts.notes]
    found += [f"left out: {why}" for why in left_out]
    return found


def heading(
    tool: str, slides: Sequence[Facts], left_out: Sequence[str], *more: str, mark: str = "#"
) -> str:
    """The sentences and those of one tool (more), as a comment."""
    return comment([*sentences(tool, slides, left_out), *more], mark)


def about(slides: Sequence[Facts], left_out: Sequence[str]) -> dict[str, Any]:
    """The same for JSON, which has no comments."""
    return {
        "written_by": f"wsi-scale {__version__}",
        "slides": [
            {
                "path": facts.path,
                "verdict": facts.verdict,
                "scale": facts.scale,
                "slide_mpp": facts.slide_mpp,
                "slide_mpp_from": facts.mpp_from,
                "notes": list(facts.notes),
            }
            for facts in slides
        ],
        "left_out": list(left_out),
    }
