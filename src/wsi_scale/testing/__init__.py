"""Small slides and networks with known answers, for your own tests.

Builders: ``write_pyramid_tiff``, ``painted_levels``, ``shrunk_levels``, ``disc_image`` and
``slide_in_memory``; with torch also ``analytic_network`` and ``batchnorm_network``. Some of them
are also pytest fixtures, which pytest finds once wsi-scale is installed: see ``fixtures``.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_LAZY = {
    "analytic_network": "networks",
    "batchnorm_network": "networks",
    "disc_image": "slides",
    "painted_levels": "slides",
    "shrunk_levels": "slides",
    "slide_in_memory": "slides",
    "write_pyramid_tiff": "slides",
}

__all__ = sorted(_LAZY)


def __getattr__(name: str) -> Any:
    """Load a builder at its first use, so that torch is only loaded for a network."""
    if name in _LAZY:
        return getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
