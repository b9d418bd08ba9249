"""Learns to read scale from a network's responses, on images whose right scale is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wsi_scale.plumbing.faces import open_when_asked

if TYPE_CHECKING:
    from wsi_scale.known_scale.calibrate.fit import Sample, fit_profile
    from wsi_scale.known_scale.calibrate.reference import ReferenceImages, calibrate

__all__ = ["ReferenceImages", "Sample", "calibrate", "fit_profile"]

__getattr__, __dir__ = open_when_asked(
    __name__, {"fit": ("Sample", "fit_profile"), "reference": ("ReferenceImages", "calibrate")}
)
