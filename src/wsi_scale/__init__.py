"""wsi-scale: find the scale at which a trained network sees a whole-slide image best."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wsi_scale.batch.many import Failure, estimate_slides
    from wsi_scale.errors import WsiScaleError
    from wsi_scale.geometry import Box, Level, ScaleGrid, Site
    from wsi_scale.judge import Estimate, estimate
    from wsi_scale.measure import measure_responses
    from wsi_scale.networks import load_network
    from wsi_scale.pipeline import Progress, estimate_slide, iter_estimates
    from wsi_scale.pyramid import Pyramid, sample_pyramid
    from wsi_scale.report import Report
    from wsi_scale.responses import Responses
    from wsi_scale.settings import Settings
    from wsi_scale.sites import choose_sites
    from wsi_scale.slide import Slide, open_slide
    from wsi_scale.tiling import Tile, Tiles, stitch, tiles
    from wsi_scale.tiling.dataset import TileDataset

__all__ = [
    "Box",
    "Estimate",
    "Failure",
    "Level",
    "Progress",
    "Pyramid",
    "Report",
    "Responses",
    "ScaleGrid",
    "Settings",
    "Site",
    "Slide",
    "Tile",
    "TileDataset",
    "Tiles",
    "WsiScaleError",
    "__version__",
    "choose_sites",
    "estimate",
    "estimate_slide",
    "estimate_slides",
    "iter_estimates",
    "load_network",
    "measure_responses",
    "open_slide",
    "sample_pyramid",
    "stitch",
    "tiles",
]

_ROOMS = {
    "batch.many": ("Failure", "estimate_slides"),
    "errors": ("WsiScaleError",),
    "geometry": ("Box", "Level", "ScaleGrid", "Site"),
    "judge": ("Estimate", "estimate"),
    "measure": ("measure_responses",),
    "networks": ("load_network",),
    "pipeline": ("Progress", "estimate_slide", "iter_estimates"),
    "pyramid": ("Pyramid", "sample_pyramid"),
    "report": ("Report",),
    "responses": ("Responses",),
    "settings": ("Settings",),
    "sites": ("choose_sites",),
    "slide": ("Slide", "open_slide"),
    "tiling": ("Tile", "Tiles", "stitch", "tiles"),
    "tiling.dataset": ("TileDataset",),
}
_WHERE = {name: room for room, names in _ROOMS.items() for name in names}


def __getattr__(name: str) -> Any:
    """Open a room when something in it is asked for, so that importing wsi_scale is light."""
    if name == "__version__":
        from importlib.metadata import version

        return version("wsi-scale")
    if name in _WHERE:
        return getattr(import_module(f"wsi_scale.{_WHERE[name]}"), name)
    raise AttributeError(f"module 'wsi_scale' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
