"""Learns from images whose right scale is known how a network's responses tell scale."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wsi_scale.known_scale.calibrate.fit import Sample, fit_profile

if TYPE_CHECKING:
    from wsi_scale.known_scale.calibrate.reference import ReferenceImages, calibrate

__all__ = ["ReferenceImages", "Sample", "calibrate", "fit_profile"]


def __getattr__(name: str) -> Any:
    """What shows images to a network needs torch; what fits does not."""
    if name in __all__:
        from wsi_scale.known_scale.calibrate import reference

        return getattr(reference, name)
    raise AttributeError(f"module 'wsi_scale.known_scale.calibrate' has no attribute {name!r}")
