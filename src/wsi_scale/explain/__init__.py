"""Looking inside: what a network saw at the scale found and at two wrong ones.

Enters: the last ``Progress`` of a run, with its slide open. Leaves: an ``Explanation``, which
``wsi_scale.render.inside`` draws. A run never asks for it by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wsi_scale.plumbing.faces import open_when_asked

if TYPE_CHECKING:
    from wsi_scale.explain.explanation import (
        ExcitedPatch,
        Explanation,
        ScaleView,
        TellingChannel,
    )
    from wsi_scale.explain.look_inside import look_inside

__all__ = ["ExcitedPatch", "Explanation", "ScaleView", "TellingChannel", "look_inside"]

__getattr__, __dir__ = open_when_asked(
    __name__,
    {
        "explanation": ("ExcitedPatch", "Explanation", "ScaleView", "TellingChannel"),
        "look_inside": ("look_inside",),
    },
)
