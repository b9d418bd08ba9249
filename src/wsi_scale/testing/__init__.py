"""Small slides and networks with known answers, for your own tests.

Builders: ``write_pyramid_tiff``, ``painted_levels``, ``shrunk_levels``, ``disc_image`` and
``slide_in_memory``; with torch also ``analytic_network`` and ``batchnorm_network``. Some of them
are also pytest fixtures, which pytest finds once wsi-scale is installed: see ``fixtures``.
"""

from __future__ import annotations

from wsi_scale.plumbing.faces import open_when_asked

_BUILDERS = {
    "networks": ("analytic_network", "batchnorm_network"),  # these load torch
    "slides": (
        "disc_image",
        "painted_levels",
        "shrunk_levels",
        "slide_in_memory",
        "write_pyramid_tiff",
    ),
}

__all__ = sorted(name for names in _BUILDERS.values() for name in names)

__getattr__, __dir__ = open_when_asked(__name__, _BUILDERS)
