"""A run: slide, network, settings, sites and scales, fixed before the first patch is cut."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wsi_scale.geometry import ScaleGrid, Site
from wsi_scale.pipeline.settings import Settings
from wsi_scale.slide.base import Slide

if TYPE_CHECKING:
    from wsi_scale.networks.network import Network
    from wsi_scale.sites.overview import Survey


@dataclass(frozen=True)
class Run:
    """Slide, network, settings, sites and scales of a run, fixed before the first patch is cut.

    ``wsi_scale.pipeline.planning.plan_run`` makes one; ``Progress.run`` holds it.
    """

    slide: Slide
    network: Network
    settings: Settings
    sites: tuple[Site, ...]
    grid: ScaleGrid
    """Scales that may be measured, after HI was lowered to what fits the slide."""
    input_size: int
    """Side of every patch in network px; 0 if the slide is blank."""
    warnings: tuple[str, ...] = ()
    tissue: Survey | None = None
    """Where the slide has usable tissue; None if that was not searched."""
