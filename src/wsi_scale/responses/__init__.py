"""The responses of a network to the patches of scale pyramids.

Input: a ``Network`` and pyramids. Output: ``Responses``, one row per site, scale and variant.
Every estimator reads them, and they can be saved. Measuring needs torch; reading them does not.
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
