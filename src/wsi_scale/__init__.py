"""wsi-scale: find the scale at which a trained network sees a whole-slide image best."""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version
from typing import Any

from wsi_scale.errors import WsiScaleError
from wsi_scale.geometry import Box, Level, ScaleGrid, Site
from wsi_scale.slide import Slide, open_slide

__version__ = version("wsi-scale")

_LAZY = {
    "Report": "wsi_scale.report",
    "Responses": "wsi_scale.responses",
    "Settings": "wsi_scale.settings",
    "choose_sites": "wsi_scale.sites",
    "estimate": "wsi_scale.judge",
    "estimate_slide": "wsi_scale.pipeline",
    "iter_estimates": "wsi_scale.pipeline",
    "load_network": "wsi_scale.networks",
    "measure_responses": "wsi_scale.measure",
    "sample_pyramid": "wsi_scale.pyramid",
}

__all__ = [
    "Box",
    "Level",
    "ScaleGrid",
    "Site",
    "Slide",
    "WsiScaleError",
    "__version__",
    "open_slide",
    *_LAZY,
]


def __getattr__(name: str) -> Any:
    """Load the rooms that need torch or scikit-image only when they are asked for."""
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'wsi_scale' has no attribute {name!r}")
