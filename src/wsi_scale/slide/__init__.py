"""Slides: opened in any format, read level by level, cut into scale pyramids.

Enters: a path or an array. Leaves: a ``Slide`` with its levels and its audited metadata, and cut
from it a ``Pyramid``, the patches around one site from fine to coarse scales.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wsi_scale.plumbing.faces import open_when_asked

if TYPE_CHECKING:
    from wsi_scale.slide.base import Slide
    from wsi_scale.slide.pyramid import Pyramid, sample_pyramid
    from wsi_scale.slide.readers import open_slide

__all__ = [
    "Pyramid",
    "Slide",
    "open_slide",
    "sample_pyramid",
]

__getattr__, __dir__ = open_when_asked(
    __name__,
    {
        "base": ("Slide",),
        "pyramid": (
            "Pyramid",
            "sample_pyramid",
        ),
        "readers": ("open_slide",),
    },
)
