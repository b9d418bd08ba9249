"""Chooses sites: centres of scale pyramids, spread over the tissue, the same for the same seed."""

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
"""Rounds in which sites out of focus are replaced. What is still out of focus then is dropped."""

_TRIES = 16  # random places compared for each site; more would spread wider but favour the rim
_FALL = (
    0.8  # a window that fits nowhere shrinks to this share of the widest room: many places fit it
)


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
    """Centres of patches, spread over the tissue; the same for the same arguments.

    Parameters
    ----------
    slide : Slide
        An open slide.
    count : int
        Most sites wanted.
    seed : int
        Seed of the random choice. The sites of a smaller count need not be the first ones of a
        larger count.
    region : Region, optional
        Sites lie only inside it.
    window_px : float
        Side of the largest patch, level-0 px. The first ``max(3, count // 3)`` sites leave room
        for it within ``slide.bounds`` where the tissue allows. The room around the others falls
        geometrically to ``min_window_px``, so that the rim of a slide is seen too.
    min_window_px : float
        Side of the smallest patch, level-0 px. Every site leaves room for it.
    stain : str, optional
        ``"H&E"`` avoids pen marks, folds and blur, and refuses tissue that cannot be H&E.

    Returns
    -------
    list of Site
        1 to ``count`` sites, level-0 px; fewer than ``count`` if there are not enough places.

    Raises
    ------
    NoTissueError
        When there is no tissue, or no tissue of the stain.
    SiteError
        When the region lies outside the slide, or there is too little room for a patch.

    Notes
    -----
    Source: Mitchell, Spectrally optimal sampling for distribution ray tracing, 1991.

    Examples
    --------
    >>> from wsi_scale import open_slide
    >>> with open_slide("synthetic:figures?width=800&height=600") as slide:
    ...     sites = choose_sites(slide, 5, seed=0, window_px=200, min_window_px=200)
    >>> len(sites), all(100 <= site.x <= 700 and 100 <= site.y <= 500 for site in sites)
    (5, True)
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
    """Sites on the tissue of a survey; the arguments are those of ``choose_sites``.

    If the survey has a stain, sites out of focus are replaced.
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
    """Where a site may lie: one place per tissue pixel of the overview, the widest room first."""

    x: Array
    """(N,) centre of the pixel, level-0 px."""
    y: Array
    """(N,) the same for y."""
    reach: Array
    """(N,) side of the largest patch that fits around some point of the pixel, level-0 px,
    falling."""
    pixel: tuple[float, float]
    """Width and height of a pixel of the overview, level-0 px."""
    bounds: Box
    """Where the slide has pixels, level-0 px."""
    floor: float
    """Side of the smallest patch, level-0 px. A site with less room cannot be used."""


def _places(overview: Overview, mask: NDArray[np.bool_], bounds: Box, floor: float) -> _Places:
    rows, columns = np.nonzero(mask)
    x, y = overview.column_centres[columns], overview.row_centres[rows]
    across = _room(x, overview.pixel[0] / 2, bounds.x, bounds.width)
    down = _room(y, overview.pixel[1] / 2, bounds.y, bounds.height)
    reach = np.minimum(across, down)
    order = np.argsort(-reach, kind="stable")
    return _Places(x[order], y[order], reach[order], overview.pixel, bounds, floor)


def _room(centre: Array, half: float, start: float, length: float) -> Array:
    """Widest span from start to start + length around a point at most ``half`` from the centre."""
    best = np.clip(start + length / 2, centre - half, centre + half)
    return np.asarray(2 * np.minimum(best - start, start + length - best))


def _windows(count: int, largest: float, smallest: float) -> list[float]:
    """Room that each site must leave: the largest for a third, then falling geometrically.

    >>> [round(float(window)) for window in _windows(6, 1600, 100)]
    [1600, 1600, 1600, 635, 252, 100]
    """
    first = min(count, max(3, count // 3))
    largest, smallest = max(largest, smallest), max(0.0, smallest)
    if smallest == 0:  # no smallest patch is given: the rest may lie anywhere
        return [largest] * first + [0.0] * (count - first)
    return [largest] * first + list(np.geomspace(largest, smallest, count - first + 1)[1:])


def _spread(
    places: _Places,
    windows: list[float],
    region: Region | None,
    random: np.random.Generator,
    taken: Sequence[Site] = (),
) -> list[Site]:
    """Best-candidate sampling: of several random places, take the one farthest from all sites.

    taken: sites that exist already; they are not returned again.
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
    """Index of a free place with room for the window, far from all sites."""
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
    """A random point of the pixel with room for the window, in the region; None if none fits."""
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
