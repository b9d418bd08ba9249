"""Which tiles a scale map has, and the sites of each."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from wsi_scale.errors import SettingsError
from wsi_scale.geometry import Box
from wsi_scale.pipeline.run import Run
from wsi_scale.sites.overview import Survey, shared_box

LEAST_TISSUE = 0.1
"""Share of a tile that must be tissue."""

MOST_TILES = 48
"""About as many tiles, at most, cover the tissue. More would take many times as long as the
answer for the whole slide."""

PATCHES_WIDE = 2.5
"""A tile is at least this many patches wide, at the slide's scale: no patch reaches beyond its
tile, and twice that scale must fit too."""


def lay_tiles(run: Run, found: Survey, scale: float | None, side: float | None) -> tuple[Box, ...]:
    """The tiles that hold tissue, row by row. They divide the slide's bounds, or the region's box,
    evenly.

    Parameters
    ----------
    run : Run
        Its slide, region, patch size and scales.
    found : Survey
        The tissue.
    scale : float or None
        The answer for the whole slide; None without one.
    side : float or None
        Wished side of a tile, level-0 px. None: as small as the patch at ``scale`` and the number
        of tiles allow.

    Raises
    ------
    SettingsError
        When the side is smaller than a patch at the finest scale but one octave.
    """
    area = run.slide.bounds if found.region is None else shared_box(run.slide, found.region)
    size = least_patch(run)
    least = 2 * size * run.grid.scales[0]
    if side is not None and not (math.isfinite(side) and side >= least):
        raise SettingsError(
            f"a tile of the map must be at least {math.ceil(least)} px wide, so that an octave of "
            f"scales fits, got {side:g}"
        )
    if side is None:
        middle = scale or math.sqrt(run.grid.scales[0] * run.grid.scales[-1])
        tissue = float(found.mask.mean()) * found.overview.box.width * found.overview.box.height
        side = max(PATCHES_WIDE * size * middle, math.sqrt(tissue / MOST_TILES), least)
    columns, rows = (max(1, math.floor(length / side)) for length in (area.width, area.height))
    width, height = area.width / columns, area.height / rows
    every = (
        Box(area.x + column * width, area.y + row * height, width, height)
        for row in range(rows)
        for column in range(columns)
    )
    return tuple(box for box in every if _tissue_share(found, box) >= LEAST_TISSUE)


def least_patch(run: Run) -> int:
    """Side of the smallest patch that the network is shown, network px; a profile fits one side."""
    named = run.settings.options.profile is not None
    return run.input_size if named else run.network.smallest_input_size


def tissue_in(found: Survey, box: Box) -> Survey:
    """The tissue of one tile."""
    across, down = _inside(found, box)
    return replace(found, mask=found.mask & down[:, None] & across[None, :])


def _tissue_share(found: Survey, box: Box) -> float:
    across, down = _inside(found, box)
    part = found.mask[np.ix_(down, across)]
    return float(part.mean()) if part.size else 0.0


def _inside(found: Survey, box: Box) -> tuple[np.ndarray, np.ndarray]:
    """Which columns and rows of the overview have their centre in the box."""
    x, y = found.overview.column_centres, found.overview.row_centres
    return (
        (x >= box.x) & (x < box.x + box.width),
        (y >= box.y) & (y < box.y + box.height),
    )
