"""One slide, end to end.

Enters: a slide, a network and ``Settings``. Leaves: ``Progress`` while it runs, and a ``Report``.
Prints nothing and draws nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wsi_scale.plumbing.faces import open_when_asked

if TYPE_CHECKING:
    from wsi_scale.pipeline.iterate import estimate_slide, iter_estimates
    from wsi_scale.pipeline.progress import Progress
    from wsi_scale.pipeline.run import Run
    from wsi_scale.pipeline.settings import DEFAULT_NETWORK, Settings, make_settings

__all__ = [
    "DEFAULT_NETWORK",
    "Progress",
    "Run",
    "Settings",
    "estimate_slide",
    "iter_estimates",
    "make_settings",
]

__getattr__, __dir__ = open_when_asked(
    __name__,
    {
        "iterate": (
            "Progress",
            "estimate_slide",
            "iter_estimates",
        ),
        "run": ("Run",),
        "settings": (
            "DEFAULT_NETWORK",
            "Settings",
            "make_settings",
        ),
    },
)
