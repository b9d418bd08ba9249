"""Which places of a slide are shown to the network.

Enters: a ``Slide`` and optionally a region of interest. Leaves: sites, the centres of scale
pyramids, spread over the tissue. For H&E they are also in focus and free of pen marks and folds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wsi_scale.plumbing.faces import open_when_asked

if TYPE_CHECKING:
    from wsi_scale.sites.choose import choose_sites
    from wsi_scale.sites.regions import Region, parse_region
    from wsi_scale.sites.tissue import tissue_mask

__all__ = [
    "Region",
    "choose_sites",
    "parse_region",
    "tissue_mask",
]

__getattr__, __dir__ = open_when_asked(
    __name__,
    {
        "choose": ("choose_sites",),
        "regions": (
            "Region",
            "parse_region",
        ),
        "tissue": ("tissue_mask",),
    },
)
