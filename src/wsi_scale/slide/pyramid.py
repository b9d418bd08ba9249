"""Executes a read plan and resamples: the only place where pixels change size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wsi_scale.geometry import ScaleGrid, Site
from wsi_scale.slide.base import Slide
from wsi_scale.slide.read_plan import plan_reads
from wsi_scale.slide.reading import read_reduced
from wsi_scale.slide.resampling import cut_windows

RESAMPLING = "bicubic-antialiased-of-bicubic-halves"
"""Name of the resampling in provenance; changes whenever the numbers would."""


@dataclass(frozen=True)
class Pyramid:
    """Patches of one site at rising scales."""

    site: Site
    grid: ScaleGrid
    indices: tuple[int, ...]
    """Grid positions of the patches; scales whose patch would leave the slide are absent."""
    patches: NDArray[np.uint8]
    """(K, size, size, 3) RGB, one per index, finest scale first."""
    upsampled: tuple[bool, ...]
    """True for patches below scale 1."""


def sample_pyramid(slide: Slide, site: Site, grid: ScaleGrid, *, size: int) -> Pyramid:
    """Cut the scale pyramid around one site from the slide's native levels.

    size: side of a patch in network px. Patches that would leave the slide are absent, never
    padded. Raises SlideError when a region cannot be decoded.
    """
    plan = plan_reads(slide.levels, site, grid, size, bounds=slide.bounds)
    windows = [window for read in plan.reads for window in read.windows]
    patches = np.empty((len(windows), 3, size, size), np.uint8)
    done = 0
    for read in plan.reads:
        these = patches[done : done + len(read.windows)]
        cut_windows(read_reduced(slide, read), read.windows, these)
        done += len(these)
    return Pyramid(
        site,
        grid,
        tuple(window.index for window in windows),
        patches.transpose(0, 2, 3, 1),
        tuple(window.upsampled for window in windows),
    )
