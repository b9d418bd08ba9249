"""What a network answers to the patches of scale pyramids.

Enters: a ``Network`` and pyramids. Leaves: ``Responses``, one row per site, scale and variant,
which every estimator reads and which can be saved. Only measuring needs torch, not the record.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wsi_scale.plumbing.faces import open_when_asked

if TYPE_CHECKING:
    from wsi_scale.responses.layer import LayerResponses
    from wsi_scale.responses.measure import measure_responses
    from wsi_scale.responses.record import COLOUR_FREED, PLAIN, Responses, merge

__all__ = [
    "COLOUR_FREED",
    "PLAIN",
    "LayerResponses",
    "Responses",
    "measure_responses",
    "merge",
]

__getattr__, __dir__ = open_when_asked(
    __name__,
    {
        "measure": ("measure_responses",),
        "layer": ("LayerResponses",),
        "record": (
            "COLOUR_FREED",
            "PLAIN",
            "Responses",
            "merge",
        ),
    },
)
