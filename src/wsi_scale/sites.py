"""Where to look: seeded, well-spread centres of scale pyramids, on tissue, inside a region."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wsi_scale.errors import NoTissueError, SiteError
from wsi_scale.geometry import Box, LevelRead, Site, pick_level
from wsi_scale.pyramid import read_reduced, resample
from wsi_scale.regions import Region, parse_region
from wsi_scale.slide import Slide
from wsi_scale.tissue import tissue_mask

__all__ = ["NoTissueError", "Region", "choose_sites", "parse_region", "tissue_mask"]

AROUND_PX = 256.0
"""A smaller region is looked at together with what surrounds it: tissue shows in its context."""

LOOK_PX = 1024
"""Longer side of the picture in which tissue is looked for, whatever the slide's size."""

_BAND_PX = 1 << 24  # level px held at once while looking
_TRIES = 16  # random places compared for each site; more would spread wider but hug the rim
_FALL = 0.8  # a window that fits nowhere shrinks to this share of the room there is: many fit that

Floats = NDArray[np.floating[Any]]


def choose_sites(
    slide: Slide,
    count: int,
    *,
    seed: int,
    region: Region | None = None,
    window_px: float = 0.0,
    min_window_px: float = 0.0,
) -> list[Site]:
    """Up to count centres of patches, on tissue and well spread; the same for the same arguments.

    seed: the only source of chance; sites of a smaller count need not be the first of a larger.
    region: look only inside it.
    window_px: level-0 side of the largest patch of the run. The first max(3, count // 3) sites
        leave room for it within ``slide.bounds`` where tissue allows; the room that the others
        leave falls geometrically to min_window_px, so that a slide's rim is seen too.
    min_window_px: side of the smallest patch; every site leaves room for it.
    Fewer sites come back when there are fewer places, at least 1. Raises NoTissueError where there
    is nothing to look at, SiteError for a region off the slide or too little room.
    """
    look = look_at(slide, region)
    mask = tissue_mask(look.picture)
    if not mask.any() and region is None:
        raise NoTissueError(f"no tissue found on {slide.path}; pass --region to say where to look")
    if region is not None:
        inside = region.contains_grid(look.column_centres, look.row_centres)
        if not inside.any():
            raise SiteError(
                f"{region.name} is smaller than one pixel of {slide.path}; draw it larger"
            )
        mask &= inside
        if not mask.any():
            raise NoTissueError(
                f"{region.name} holds no tissue on {slide.path}; draw it where there is some"
            )
    places = _places(look, mask, slide.bounds, min_window_px)
    if places.reach[0] < min_window_px:
        raise SiteError(
            f"no patch of {min_window_px:g} px fits around tissue on {slide.path}, where there is "
            f"room for {max(0.0, places.reach[0]):.0f} px; ask for finer scales or look elsewhere"
        )
    random = np.random.default_rng(seed)
    sites = _spread(places, _windows(count, window_px, min_window_px), region, random)
    if not sites:
        raise SiteError(f"{region.name if region else slide.path} is too thin to place a patch on")
    return sites


@dataclass(frozen=True)
class Look:
    """A picture of part of the canvas."""

    picture: NDArray[np.uint8]
    """(h, w, 3)"""
    box: Box
    """The part it shows, level-0 px."""

    @property
    def pixel(self) -> tuple[float, float]:
        """Width and height of one of its pixels, level-0 px."""
        height, width = self.picture.shape[:2]
        return self.box.width / width, self.box.height / height

    @property
    def column_centres(self) -> Floats:
        return self.box.x + (np.arange(self.picture.shape[1]) + 0.5) * self.pixel[0]

    @property
    def row_centres(self) -> Floats:
        return self.box.y + (np.arange(self.picture.shape[0]) + 0.5) * self.pixel[1]


def look_at(slide: Slide, region: Region | None) -> Look:
    """Picture the part of the slide in question, its longer side at most LOOK_PX.

    Raises SiteError for a region off the slide.
    """
    box = slide.bounds if region is None else _around(shared_box(slide, region), slide.bounds)
    scale = max(1.0, max(box.width, box.height) / LOOK_PX)
    number = pick_level(slide.levels, scale)
    level = slide.levels[number]
    left, top = (math.floor(edge / level.downsample) for edge in (box.x, box.y))
    right = min(level.width, math.ceil((box.x + box.width) / level.downsample))
    bottom = min(level.height, math.ceil((box.y + box.height) / level.downsample))
    left, top = min(left, right - 1), min(top, bottom - 1)
    reduce, ratio = 1, scale / level.downsample
    while (right - left) * (bottom - top) / reduce**2 > _BAND_PX and ratio / (2 * reduce) >= 1:
        reduce *= 2
    read = LevelRead(number, left, top, right - left, bottom - top, reduce, ())
    pixels = read_reduced(slide, read)
    shape = (max(1, round(box.width / scale)), max(1, round(box.height / scale)))
    return Look(resample(pixels, _within(pixels, read, box, level.downsample), *shape), box)


def _around(box: Box, bounds: Box) -> Box:
    """The box, grown about its centre to AROUND_PX a side where it is smaller, within bounds."""
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
    """The part of the slide's bounds that the region's box covers. SiteError for none."""
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


@dataclass(frozen=True)
class _Places:
    """Where a site may lie: one place per tissue pixel of the picture, roomiest first."""

    x: Floats
    """(N,) centre of the pixel, level-0 px."""
    y: Floats
    reach: Floats
    """(N,) side of the largest patch that fits around some point of the pixel, falling."""
    pixel: tuple[float, float]
    """Width and height of a pixel, level-0 px."""
    bounds: Box
    floor: float
    """Side of the smallest patch: a site with less room is of no use."""


def _places(look: Look, mask: NDArray[np.bool_], bounds: Box, floor: float) -> _Places:
    rows, columns = np.nonzero(mask)
    x, y = look.column_centres[columns], look.row_centres[rows]
    across = _room(x, look.pixel[0] / 2, bounds.x, bounds.width)
    down = _room(y, look.pixel[1] / 2, bounds.y, bounds.height)
    reach = np.minimum(across, down)
    order = np.argsort(-reach, kind="stable")
    return _Places(x[order], y[order], reach[order], look.pixel, bounds, floor)


def _room(centre: Floats, half: float, start: float, length: float) -> Floats:
    """Widest span within start … start + length around a point at most half from the centre."""
    best = np.clip(start + length / 2, centre - half, centre + half)
    return np.asarray(2 * np.minimum(best - start, start + length - best))


def _windows(count: int, largest: float, smallest: float) -> list[float]:
    """Room that each site must leave: first the largest for a third, then falling evenly in log.

    (6, 1600, 100) -> 1600, 1600, 1600, 635, 252, 100.
    """
    first = min(count, max(3, count // 3))
    largest, smallest = max(largest, smallest), max(0.0, smallest)
    if smallest == 0:  # no smallest patch is named: the rest may lie anywhere
        return [largest] * first + [0.0] * (count - first)
    return [largest] * first + list(np.geomspace(largest, smallest, count - first + 1)[1:])


def _spread(
    places: _Places, windows: list[float], region: Region | None, random: np.random.Generator
) -> list[Site]:
    """Best-candidate sampling: of several random places take the one farthest from all taken.

    Source: Mitchell, Spectrally optimal sampling for distribution ray tracing, 1991.
    """
    free = np.ones(places.reach.size, bool)
    sites: list[Site] = []
    for window in windows:
        site = None
        while site is None and free.any():
            roomiest = float(places.reach[np.argmax(free)])
            if roomiest < window:
                window = max(places.floor, _FALL * roomiest)
            if roomiest < window:
                return sites
            index = _farthest(places, free, window, sites, random)
            free[index] = False
            site = _settle(places, index, window, region, random)
        if site is not None:
            sites.append(site)
    return sites


def _farthest(
    places: _Places,
    free: NDArray[np.bool_],
    window: float,
    sites: list[Site],
    random: np.random.Generator,
) -> int:
    """Of some random free places with room for the window, the farthest from all sites."""
    fitting = int(np.searchsorted(-places.reach, -window, side="right"))
    tried = random.integers(0, fitting, _TRIES)
    tried = tried[free[tried]]
    if tried.size == 0:
        tried = random.permutation(np.flatnonzero(free[:fitting]))[:_TRIES]
    if not sites:
        return int(tried[0])
    taken = np.array(sites)
    away = (places.x[tried, None] - taken[:, 0]) ** 2 + (places.y[tried, None] - taken[:, 1]) ** 2
    return int(tried[np.argmax(away.min(axis=1))])


def _settle(
    places: _Places, index: int, window: float, region: Region | None, random: np.random.Generator
) -> Site | None:
    """A random point of the pixel that leaves room for the window and lies in the region."""
    for jitter in (random.uniform(-0.5, 0.5, 2), np.zeros(2)):
        x = places.x[index] + jitter[0] * places.pixel[0]
        y = places.y[index] + jitter[1] * places.pixel[1]
        have = places.bounds
        site = Site(
            float(np.clip(x, have.x + window / 2, have.x + have.width - window / 2)),
            float(np.clip(y, have.y + window / 2, have.y + have.height - window / 2)),
        )
        if region is None or region.contains(site.x, site.y):
            return site
    return None
