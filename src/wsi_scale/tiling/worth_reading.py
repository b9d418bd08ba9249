"""Which tiles to keep: those that a region touches and those that show tissue."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from wsi_scale.errors import SiteError
from wsi_scale.geometry import Box
from wsi_scale.plumbing.arrays import Array, Mask
from wsi_scale.sites.overview import take_overview
from wsi_scale.sites.regions import Region, Ring
from wsi_scale.sites.tissue import tissue_mask
from wsi_scale.slide.base import Slide
from wsi_scale.tiling.layout import Layout

TISSUE_SHARE = 0.05
"""Least share of tissue for a tile to be kept."""

_FINENESS = 32  # points along a contour per step from tile to tile
_FLAT = 1e-12  # level-0 px; an edge that rises less counts as parallel to an axis


def kept_tiles(
    slide: Slide, layout: Layout, region: Region | None, share: float | None
) -> range | NDArray[np.int64]:
    """Numbers (row · columns + column) of the tiles to keep, rising.

    region: keep the tiles that it touches; all if None. share: keep the tiles with at least this
    share of tissue; all if None. Raises SiteError if the region touches no tile.
    """
    count = layout.rows * layout.columns
    if region is None and share is None:
        return range(count)
    keep = np.ones((layout.rows, layout.columns), bool)
    if region is not None:
        keep &= touched(layout, region)
        if not keep.any():
            raise SiteError(f"{region.name} covers no part of {slide.path}; draw it on this slide")
    if share is not None:
        keep &= tissue_shares(slide, layout, region) >= share - 1e-9
    return range(count) if keep.all() else np.flatnonzero(keep).astype(np.int64)


def tissue_shares(slide: Slide, layout: Layout, region: Region | None) -> Array:
    """Share of tissue in the part of each tile that lies in the tiled area, (rows, columns)."""
    seen = take_overview(slide, region)
    mask = tissue_mask(seen.picture).astype(float)
    (x0, x1), (y0, y1) = _edges(layout)
    across = _covered((x0 - seen.box.x) / seen.pixel[0], (x1 - seen.box.x) / seen.pixel[0], mask, 1)
    down = _covered((y0 - seen.box.y) / seen.pixel[1], (y1 - seen.box.y) / seen.pixel[1], mask, 0)
    return np.asarray(down @ mask @ across.T)


def _covered(start: Array, end: Array, mask: Array, axis: int) -> Array:
    """(tiles, px): the share of each tile's side that each px of the picture covers."""
    px = np.arange(mask.shape[axis])
    inside = np.minimum(end[:, None], px + 1) - np.maximum(start[:, None], px)
    inside = np.clip(inside, 0, None)
    return np.asarray(inside / inside.sum(axis=1, keepdims=True))


def touched(layout: Layout, region: Region) -> Mask:
    """Which tiles a region touches, (rows, columns): tiles on its contour and tiles inside it.

    A tile may be missed if the region touches only a corner of it, thinner than 1/32 of a step.
    """
    (x0, x1), (y0, y1) = _edges(layout)
    keep = region.contains_grid((x0 + x1) / 2, (y0 + y1) / 2)
    counts = np.array([layout.columns, layout.rows])
    corners = np.zeros((layout.rows + 1, layout.columns + 1), np.int64)
    for points in _contours(region, layout.area, layout.step * layout.scale / _FINENESS):
        px = (points - (layout.area.x, layout.area.y)) / layout.scale
        first = np.floor((px - layout.size) / layout.step).astype(np.int64).clip(-1) + 1
        stop = np.floor(px / layout.step).astype(np.int64).clip(-1, counts - 1) + 1
        inside = (first < stop).all(axis=1)
        (x0, y0), (x1, y1) = first[inside].T, stop[inside].T
        for y, x, sign in ((y0, x0, 1), (y1, x1, 1), (y0, x1, -1), (y1, x0, -1)):
            np.add.at(corners, (y, x), sign)
    return keep | (corners.cumsum(0).cumsum(1)[:-1, :-1] > 0)


def _edges(layout: Layout) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """Where columns and rows of tiles begin and end within the area, level-0 px."""

    def along(start: float, length: float, count: int) -> tuple[Array, Array]:
        first = start + np.arange(count, dtype=float) * layout.step * layout.scale
        return first, np.minimum(first + layout.size * layout.scale, start + length)

    area = layout.area
    across = along(area.x, area.width, layout.columns)
    return across, along(area.y, area.height, layout.rows)


def _contours(region: Region, area: Box, spacing: float) -> Iterator[Array]:
    """(N, 2) points along each ring of the region within the area, at most ``spacing`` apart."""
    for rings in region.polygons:
        for ring in rings:
            start, end = _clipped(ring, area)
            steps = np.ceil(np.hypot(*(end - start).T) / spacing).astype(np.int64) + 1
            edge = np.repeat(np.arange(len(start)), steps)
            before = np.cumsum(steps) - steps
            share = (np.arange(len(edge)) - before[edge]) / steps[edge]
            yield start[edge] + share[:, None] * (end - start)[edge]


def _clipped(ring: Ring, area: Box) -> tuple[Array, Array]:
    """Starts and ends of a ring's edges, cut to the area. Edges outside it are left out.

    Source: Liang and Barsky, A new concept and method for line clipping, 1984.
    """
    start, along = ring, np.roll(ring, -1, axis=0) - ring
    low = np.array([area.x, area.y])
    high = np.array([area.x + area.width, area.y + area.height])
    flat = np.abs(along) < _FLAT
    slope = np.where(flat, 1.0, along)
    one, other = (low - start) / slope, (high - start) / slope
    enters = np.where(flat, 0.0, np.minimum(one, other)).max(axis=1).clip(0, 1)
    leaves = np.where(flat, 1.0, np.maximum(one, other)).min(axis=1).clip(0, 1)
    outside = (flat & ((start < low) | (start > high))).any(axis=1)
    cut = ~outside & (enters <= leaves)
    begin = start + enters[:, None] * along
    finish = start + leaves[:, None] * along
    return begin[cut], finish[cut]
