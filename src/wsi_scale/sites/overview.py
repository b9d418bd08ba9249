"""The small picture in which tissue is searched, and the part that a network may be shown."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wsi_scale.errors import NoTissueError, SiteError
from wsi_scale.geometry import Box, pick_level
from wsi_scale.plumbing.arrays import Array, Mask
from wsi_scale.sites.regions import Region
from wsi_scale.sites.stain import judge_picture
from wsi_scale.sites.tissue import tissue_mask
from wsi_scale.slide.base import Slide
from wsi_scale.slide.read_plan import LevelRead
from wsi_scale.slide.reading import read_reduced, resample, whole_picture_reduction

AROUND_PX = 256.0
"""A smaller region is pictured with its surroundings (level-0 px), because tissue is recognised by
its contrast with them."""

OVERVIEW_PX = 1024
"""Longest side of the picture in which tissue is searched, px, whatever the slide's size."""

FOLDS_PX = 2000
"""In a smaller picture (level-0 px) folds are not searched, because clumps of cells look like
folds there. This is 0.5–1 mm at 40×–20×."""


@dataclass(frozen=True)
class Survey:
    """Where a slide has usable tissue."""

    overview: Overview
    """Picture of the slide, or of the surroundings of the region."""
    mask: Mask
    """(h, w) pixels of the overview that are usable tissue, within the region."""
    region: Region | None = None
    """Where tissue was searched; None for the whole slide."""
    stain: str | None = None
    """Stain that the tissue must have; None if any tissue counts."""
    warnings: tuple[str, ...] = ()
    """One sentence each, for the report."""


def survey(
    slide: Slide,
    region: Region | None = None,
    stain: str | None = None,
    *,
    asker: str = "this network",
    overview: Overview | None = None,
) -> Survey:
    """Find the tissue of a slide, or of a region of it.

    asker: who expects the stain, for the refusal. overview: of this slide and region, if it was
    taken before.

    stain: from the network's card. With ``"H&E"`` pen marks and folds are left out, and tissue that
    cannot be H&E is refused. Raises NoTissueError if there is no usable tissue, SiteError if the
    region lies outside the slide.
    """
    overview = overview or take_overview(slide, region)
    mask = tissue_mask(overview.picture)
    if region is not None:
        inside = region.contains_grid(overview.column_centres, overview.row_centres)
        if not inside.any():
            raise SiteError(
                f"{region.name} is smaller than one pixel of {slide.path}; draw it larger"
            )
        if mask.any():
            mask &= inside
    warnings: tuple[str, ...] = ()
    if stain is not None:
        judged = judge_picture(overview.picture, mask, folds=max(overview.box[2:]) >= FOLDS_PX)
        if judged.refusal:
            advice = "; to use it anyway, add stain=none to the network's SPEC"
            raise NoTissueError(
                f"{asker} expects {stain}, but {slide.path} shows no {stain} tissue: "
                f"{judged.refusal}{advice if asker == 'this network' else ''}"
            )
        mask, warnings = judged.mask, judged.warnings
    if mask.any():
        return Survey(overview, mask, region, stain, warnings)
    if region is None:
        raise NoTissueError(f"no tissue found on {slide.path}; pass --region to say where to look")
    raise NoTissueError(
        f"{region.name} holds no tissue on {slide.path}; draw it where there is tissue"
    )


@dataclass(frozen=True)
class Overview:
    """A picture of part of the canvas."""

    picture: NDArray[np.uint8]
    """(h, w, 3) RGB."""
    box: Box
    """The part that it shows, level-0 px."""

    @property
    def pixel(self) -> tuple[float, float]:
        """Width and height of one pixel of the picture, level-0 px."""
        height, width = self.picture.shape[:2]
        return self.box.width / width, self.box.height / height

    @property
    def column_centres(self) -> Array:
        """(w,) x of the pixels' centres, level-0 px."""
        return np.asarray(self.box.x + (np.arange(self.picture.shape[1]) + 0.5) * self.pixel[0])

    @property
    def row_centres(self) -> Array:
        """(h,) y of the pixels' centres, level-0 px."""
        return np.asarray(self.box.y + (np.arange(self.picture.shape[0]) + 0.5) * self.pixel[1])


def take_overview(slide: Slide, region: Region | None) -> Overview:
    """A picture of the slide or region, its longer side at most OVERVIEW_PX.

    Raises SiteError if the region lies outside the slide.
    """
    box = slide.bounds if region is None else _around(shared_box(slide, region), slide.bounds)
    scale = max(1.0, max(box.width, box.height) / OVERVIEW_PX)
    number = pick_level(slide.levels, scale)
    level = slide.levels[number]
    left, top = (math.floor(edge / level.downsample) for edge in (box.x, box.y))
    right = min(level.width, math.ceil((box.x + box.width) / level.downsample))
    bottom = min(level.height, math.ceil((box.y + box.height) / level.downsample))
    left, top = min(left, right - 1), min(top, bottom - 1)
    area_px = (right - left) * (bottom - top)
    reduce = whole_picture_reduction(area_px, scale / level.downsample)
    read = LevelRead(number, left, top, right - left, bottom - top, reduce, ())
    pixels = read_reduced(slide, read)
    shape = (max(1, round(box.width / scale)), max(1, round(box.height / scale)))
    return Overview(resample(pixels, _within(pixels, read, box, level.downsample), *shape), box)


def _around(box: Box, bounds: Box) -> Box:
    """The box, grown around its centre until no side is below AROUND_PX, within bounds."""
    sides = []
    for start, length, first, extent in (
        (box.x, box.width, bounds.x, bounds.width),
        (box.y, box.height, bounds.y, bounds.height),
    ):
        wide = min(max(length, AROUND_PX), extent)
        sides.append((min(max(start + (length - wide) / 2, first), first + extent - wide), wide))
    (x, width), (y, height) = sides
    return Box(x, y, width, height)


def _within(
    pixels: NDArray[np.uint8], read: LevelRead, box: Box, downsample: float
) -> tuple[float, float, float, float]:
    """The box in pixels of a read: left, top, right, bottom."""
    step = downsample * read.reduce
    left, top = read.x / read.reduce, read.y / read.reduce
    height, width = pixels.shape[:2]
    return (
        max(0.0, box.x / step - left),
        max(0.0, box.y / step - top),
        min(float(width), (box.x + box.width) / step - left),
        min(float(height), (box.y + box.height) / step - top),
    )


def shared_box(slide: Slide, region: Region) -> Box:
    """The part of the slide's bounds that the region's box covers. Raises SiteError if none."""
    have, asked = slide.bounds, region.box
    left, top = max(have.x, asked.x), max(have.y, asked.y)
    right = min(have.x + have.width, asked.x + asked.width)
    bottom = min(have.y + have.height, asked.y + asked.height)
    if right <= left or bottom <= top:
        raise SiteError(
            f"{region.name} lies outside {slide.path}, which covers x,y,w,h = "
            f"{have.x:g},{have.y:g},{have.width:g},{have.height:g}; draw it on this slide"
        )
    return Box(left, top, right - left, bottom - top)
