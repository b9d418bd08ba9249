"""From responses to an answer one can act on.

Enters: ``Responses``, read by the estimators. Leaves: an ``Estimate``, that is a scale with its
interval and tolerance band, the answers of all estimators, and a verdict with its reason. The
function itself is ``wsi_scale.estimate``, in the file ``estimate.py``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wsi_scale.plumbing.faces import open_when_asked

if TYPE_CHECKING:
    from wsi_scale.judgement.estimate import Estimate
    from wsi_scale.judgement.evidence import Evidence, Judgement
    from wsi_scale.judgement.verdicts import NUMBERED, Interval, Verdict

__all__ = [
    "NUMBERED",
    "Estimate",
    "Evidence",
    "Interval",
    "Judgement",
    "Verdict",
]

__getattr__, __dir__ = open_when_asked(
    __name__,
    {
        "estimate": ("Estimate",),
        "evidence": (
            "Evidence",
            "Judgement",
        ),
        "verdicts": (
            "NUMBERED",
            "Interval",
            "Verdict",
        ),
    },
)
