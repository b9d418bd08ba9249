"""A run: what is asked of which slide, fixed before the first patch is cut."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wsi_scale.geometry import ScaleGrid, Site
from wsi_scale.pipeline.settings import Settings
from wsi_scale.slide.base import Slide

if TYPE_CHECKING:
    from wsi_scale.networks.network import Network


@dataclass(frozen=True)
class Run:
    """What is asked of which slide, fixed before the first patch is cut."""

    slide: Slide
    network: Network
    settings: Settings
    sites: tuple[Site, ...]
    grid: ScaleGrid
    """Scales of the run, after HI dropped to what fits."""
    input_size: int
    """Side of every patch in network px; 0 when there is nothing to look at."""
    warnings: tuple[str, ...] = ()
