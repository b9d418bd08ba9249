"""Learns to read scale from a network's responses, on images whose right scale is known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wsi_scale.known_scale.calibrate.fit import Sample, fit_profile

if TYPE_CHECKING:
    from wsi_scale.known_scale.calibrate.reference import ReferenceImages, calibrate

__all__ = ["ReferenceImages", "Sample", "calibrate", "fit_profile"]


def __getattr__(name: str) -> Any:
    """Load what needs torch only on demand; fitting works without it."""
    if name in __all__:
        from wsi_scale.known_scale.calibrate import reference

        return getattr(reference, name)
    raise AttributeError(f"module 'wsi_scale.known_scale.calibrate' has no attribute {name!r}")
