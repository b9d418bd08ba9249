"""Where to look: seeded, well-spread centres of scale pyramids, on tissue, inside a region."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wsi_scale.errors import NoTissueError, SiteError
from wsi_scale.geometry import Box, Site
from wsi_scale.plumbing.arrays import Array
from wsi_scale.sites.focus import in_focus, sharpness
from wsi_scale.sites.overview import Overview, Survey, survey
from wsi_scale.sites.regions import Region, parse_region
from wsi_scale.sites.tissue import tissue_mask
from wsi_scale.slide.base import Slide

__all__ = ["NoTissueError", "Region", "choose_sites", "parse_region", "tissue_mask"]

REPLACED = 2
"""Rounds in which sites out of focus are replaced by others; the last ones' are dropped."""

_TRIES = 16  # random places compared for each site; more would spread wider but hug the rim
_FALL = 0.8  # a window that fits nowhere shrinks to this share of the room there is: many fit that


def choose_sites(
    slide: Slide,
    count: int,
    *,
    seed: int,
    region: Region | None = None,
    window_px: float = 0.0,
    min_window_px: float = 0.0,
    stain: str | None = None,
) -> list[Site]:
    """Up to count centres of patches, on tissue and well spread; the same for the same arguments.

    seed: the only source of chance; sites of a smaller count need not be the first of a larger.
    region: look only inside it.
    window_px: level-0 side of the largest patch of the run. The first max(3, count // 3) sites
        leave room for it within ``slide.bounds`` where tissue allows; the room that the others
        leave falls geometrically to min_window_px, so that a slide's rim is seen too.
    min_window_px: side of the smallest patch; every site leaves room for it.
    stain: ``"H&E"`` leaves out pen, folds and blur, and refuses what cannot be H&E.
    Fewer sites come back when there are fewer places, at least 1. Raises NoTissueError where there
    is nothing to look at, SiteError for a region off the slide or too little room.
    """
    return place_sites(
        slide,
        survey(slide, region, stain),
        count,
        seed=seed,
        window_px=window_px,
        min_window_px=min_window_px,
    )


def place_sites(
    slide: Slide, found: Survey, count: int, *, seed: int, window_px: float, min_window_px: float
) -> list[Site]:
    """Sites on the tissue of a survey; see choose_sites.

    Where the tissue was judged by its stain, sites out of focus give way to others.
    """
    region = found.region
    places = _places(found.overview, found.mask, slide.bounds, min_window_px)
    if places.reach[0] < min_window_px:
        raise SiteError(
            f"no patch of {min_window_px:g} px fits around tissue on {slide.path}, which leaves "
            f"room for {max(0.0, places.reach[0]):.0f} px; use finer scales or another region"
        )
    random = np.random.default_rng(seed)
    windows = _windows(count, window_px, min_window_px)
    sites = _spread(places, windows, region, random)
    if not sites:
        raise SiteError(f"{region.name if region else slide.path} is too thin to place a patch on")
    if found.stain is None:
        return sites
    sharp = sharpness(slide, sites)
    kept = dict(enumerate(sites))
    good = in_focus(sharp, sharp)
    seen = list(sites)
    for _ in range(REPLACED):
        gone = [i for i in kept if not good[i]]
        if not gone:
            break
        others = _spread(places, [windows[i] for i in gone], region, random, seen)
        seen += others
        fine = in_focus(sharpness(slide, others), sharp)
        for i, other, is_fine in zip(gone, others, fine, strict=False):
            kept[i], good[i] = other, is_fine
    return [site for i, site in kept.items() if good[i]]


@dataclass(frozen=True)
class _Places:
    """Where a site may lie: one place per tissue pixel of the picture, roomiest first."""

    x: Array
    """(N,) centre of the pixel, level-0 px."""
    y: Array
    reach: Array
    """(N,) side of the largest patch that fits around some point of the pixel, falling."""
    pixel: tuple[float, float]
    """Width and height of a pixel, level-0 px."""
    bounds: Box
    floor: float
    """Side of the smallest patch: a site with less room is of no use."""


def _places(overview: Overview, mask: NDArray[np.bool_], bounds: Box, floor: float) -> _Places:
    rows, columns = np.nonzero(mask)
    x, y = overview.column_centres[columns], overview.row_centres[rows]
    across = _room(x, overview.pixel[0] / 2, bounds.x, bounds.width)
    down = _room(y, overview.pixel[1] / 2, bounds.y, bounds.height)
    reach = np.minimum(across, down)
    order = np.argsort(-reach, kind="stable")
    return _Places(x[order], y[order], reach[order], overview.pixel, bounds, floor)


def _room(centre: Array, half: float, start: float, length: float) -> Array:
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
    places: _Places,
    windows: list[float],
    region: Region | None,
    random: np.random.Generator,
    taken: Sequence[Site] = (),
) -> list[Site]:
    """Best-candidate sampling: of several random places take the one farthest from all taken.

    taken: sites that there are already; they are not among those returned.
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
            index = _farthest(places, free, window, [*taken, *sites], random)
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
