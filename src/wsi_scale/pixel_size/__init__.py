"""The ruler: the size of a slide's pixels, read from H&E tissue by a network of its own.

In: an open slide. Out: µm/px with interval and verdict, and how the metadata compare with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wsi_scale.plumbing.faces import open_when_asked

if TYPE_CHECKING:
    from wsi_scale.pixel_size.audit import audit_slide
    from wsi_scale.pixel_size.read_tissue import measure_pixel_size
    from wsi_scale.pixel_size.ruler_report import RulerReport, ruler

__all__ = ["RulerReport", "audit_slide", "measure_pixel_size", "ruler"]

__getattr__, __dir__ = open_when_asked(
    __name__,
    {
        "audit": ("audit_slide",),
        "read_tissue": ("measure_pixel_size",),
        "ruler_report": ("RulerReport", "ruler"),
    },
)
