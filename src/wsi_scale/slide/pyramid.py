"""The scale pyramid of one site: reads from native levels, resampled into patches."""

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
"""Name of the resampling in a report's provenance. It changes whenever the pixels would."""


@dataclass(frozen=True)
class Pyramid:
    """Patches around one site, from the finest scale to the coarsest."""

    site: Site
    """Centre of every patch, level-0 px."""
    grid: ScaleGrid
    """The scales that were requested."""
    indices: tuple[int, ...]
    """Grid position of each patch; scales whose patch would leave the slide are missing."""
    patches: NDArray[np.uint8]
    """(K, size, size, 3) uint8 RGB, one per index."""
    upsampled: tuple[bool, ...]
    """For each patch, True if its scale is below 1."""


def sample_pyramid(slide: Slide, site: Site, grid: ScaleGrid, *, size: int) -> Pyramid:
    """Patches around one site at every scale of a grid, cut from the slide's native levels.

    Patches that would leave the slide are left out, never padded.

    Parameters
    ----------
    slide : Slide
        An open slide.
    site : Site
        Centre of every patch, level-0 px.
    grid : ScaleGrid
        Scales of the patches, level-0 px per network px.
    size : int
        Side of a patch, network px.

    Returns
    -------
    Pyramid
        K patches, (K, size, size, 3) uint8, with their positions in the grid.

    Raises
    ------
    SlideError
        When the slide cannot be decoded there.
    SettingsError
        When ``size`` is below 1.

    Examples
    --------
    >>> from wsi_scale import ScaleGrid, Site, open_slide
    >>> with open_slide("synthetic:figures?width=800&height=600") as slide:
    ...     pyramid = sample_pyramid(slide, Site(400, 300), ScaleGrid((1, 2, 64)), size=32)
    >>> pyramid.indices, pyramid.patches.shape
    ((0, 1), (2, 32, 32, 3))
    """
    plan = plan_reads(
        slide.levels,
        site,
        grid,
        size,
        bounds=slide.bounds,
        colour_px=slide.colour_px,
        shrinking=slide.shrinking,
    )
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
