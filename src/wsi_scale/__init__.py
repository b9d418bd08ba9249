"""wsi-scale: find the scale at which a trained network sees a whole-slide image best.

Scale is how many level-0 pixels of the slide, along one side, become one pixel of the network's
input. A larger scale is a coarser view of more tissue.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wsi_scale.plumbing.faces import open_when_asked
from wsi_scale.plumbing.moved import follow_old_paths

if TYPE_CHECKING:
    from wsi_scale.batch.estimate_slides import Failure, estimate_slides
    from wsi_scale.errors import WsiScaleError
    from wsi_scale.exports.write import export
    from wsi_scale.geometry import Box, Level, ScaleGrid, Site
    from wsi_scale.judgement.estimate import Estimate, estimate
    from wsi_scale.judgement.places import MapTile, ScaleMap
    from wsi_scale.networks.load import load_network
    from wsi_scale.pipeline.explain.explanation import Explanation
    from wsi_scale.pipeline.explain.look import look_inside
    from wsi_scale.pipeline.iterate import estimate_slide, iter_estimates
    from wsi_scale.pipeline.progress import Progress
    from wsi_scale.pipeline.scale_map import scale_map
    from wsi_scale.pipeline.settings import Settings
    from wsi_scale.pixel_size.ruler_report import RulerReport, ruler
    from wsi_scale.plumbing.version import __version__
    from wsi_scale.report import Report
    from wsi_scale.responses.measure import measure_responses
    from wsi_scale.responses.record import Responses
    from wsi_scale.sites.choose import choose_sites
    from wsi_scale.slide.base import Slide
    from wsi_scale.slide.pyramid import Pyramid, sample_pyramid
    from wsi_scale.slide.readers import open_slide
    from wsi_scale.tiling import Tile, Tiles, stitch, tiles
    from wsi_scale.tiling.torch_dataset import TileDataset

__all__ = [
    "Box",
    "Estimate",
    "Explanation",
    "Failure",
    "Level",
    "MapTile",
    "Progress",
    "Pyramid",
    "Report",
    "Responses",
    "RulerReport",
    "ScaleGrid",
    "ScaleMap",
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
    "export",
    "iter_estimates",
    "load_network",
    "look_inside",
    "measure_responses",
    "open_slide",
    "ruler",
    "sample_pyramid",
    "scale_map",
    "stitch",
    "tiles",
]

__getattr__, __dir__ = open_when_asked(
    __name__,
    {
        "batch.estimate_slides": ("Failure", "estimate_slides"),
        "errors": ("WsiScaleError",),
        "pipeline.explain.explanation": ("Explanation",),
        "pipeline.explain.look": ("look_inside",),
        "exports.write": ("export",),
        "geometry": ("Box", "Level", "ScaleGrid", "Site"),
        "judgement.estimate": ("Estimate", "estimate"),
        "judgement.places": ("MapTile", "ScaleMap"),
        "networks.load": ("load_network",),
        "pipeline.iterate": ("estimate_slide", "iter_estimates"),
        "pipeline.progress": ("Progress",),
        "pipeline.scale_map": ("scale_map",),
        "pipeline.settings": ("Settings",),
        "pixel_size.ruler_report": ("RulerReport", "ruler"),
        "report": ("Report",),
        "plumbing.version": ("__version__",),
        "responses.measure": ("measure_responses",),
        "responses.record": ("Responses",),
        "sites.choose": ("choose_sites",),
        "slide.base": ("Slide",),
        "slide.pyramid": ("Pyramid", "sample_pyramid"),
        "slide.readers": ("open_slide",),
        "tiling": ("Tile", "Tiles", "stitch", "tiles"),
        "tiling.torch_dataset": ("TileDataset",),
    },
)

follow_old_paths()
