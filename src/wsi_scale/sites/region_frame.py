"""Where a region lies on a slide: QuPath counts from the slide's bounds, OpenSlide from level 0."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Literal, get_args

from wsi_scale.errors import SettingsError
from wsi_scale.geometry import Box
from wsi_scale.sites.polygons import Region
from wsi_scale.sites.regions import parse_region
from wsi_scale.slide.base import Slide

Origin = Literal["auto", "bounds", "level0"]
"""From where a region's coordinates count: the corner of the slide's bounds, that of level 0, or
whichever the file and the place of the region suggest."""

ORIGINS: tuple[str, ...] = get_args(Origin)

WHOLLY = 0.98
"""A region lies inside the bounds if at least this share of the boxes around its polygons does."""


def region_on(
    slide: Slide,
    source: str | os.PathLike[str] | Region,
    origin: Origin = "auto",
    label: str | None = None,
) -> Region:
    """The region in level-0 px of a slide, with notes on how it was understood.

    Parameters
    ----------
    slide : Slide
        The slide that the region belongs to.
    source : str, path or Region
        As for ``parse_region``. A ``Region`` made in Python is taken as it is under ``auto``.
    origin : str
        ``bounds``: the coordinates count from the corner of ``slide.bounds``, as QuPath does.
        ``level0``: from the corner of level 0, as OpenSlide does. ``auto``: from level 0, unless
        the region lies inside the slide's bounds only the other way, or QuPath wrote the file.
    label : str, optional
        Only areas of this class of QuPath.

    Returns
    -------
    Region
        Level-0 px.

    Raises
    ------
    SettingsError
        When the region or the origin cannot be used.

    Examples
    --------
    >>> from wsi_scale import open_slide
    >>> with open_slide("synthetic:figures?width=800&height=600") as slide:
    ...     region_on(slide, "10,20,30,40").box
    Box(x=10.0, y=20.0, width=30.0, height=40.0)
    """
    if origin not in ORIGINS:
        raise SettingsError(f"region origin must be auto, bounds or level0, got {origin!r}")
    region = source if isinstance(source, Region) else parse_region(source, label)
    return replace(_placed(region, slide, origin, isinstance(source, Region)), drawn_in="level0")


def _placed(region: Region, slide: Slide, origin: Origin, from_python: bool) -> Region:
    x, y = slide.bounds.x, slide.bounds.y
    if not (x or y):
        return region
    moved = region.moved(x, y)
    if origin == "auto":
        if region.drawn_in == "level0" or (from_python and not region.drawn_in):
            return region
        if region.drawn_in == "bounds":
            return moved
        return _whichever_fits(region, moved, slide.bounds)
    return moved if origin == "bounds" else region


def _whichever_fits(region: Region, moved: Region, bounds: Box) -> Region:
    """The region as it is or moved: the way that lies inside the bounds, else as QuPath counts."""
    here, there = _fit(region, bounds), _fit(moved, bounds)
    by_qupath = region.drawn_in == "QuPath"
    is_moved = there > here or (there == here and by_qupath)
    if not is_moved and not by_qupath:
        return region
    x, y = f"x {bounds.x:g}", f"y {bounds.y:g}"
    way = f"the corner of the slide's bounds ({x}, {y})" if is_moved else "the corner of level 0"
    seen, told = "only so it lies inside the bounds", "as QuPath does, which wrote it"
    why = seen if here != there else told
    other = "level0" if is_moved else "bounds"
    note = f"{region.name} counts from {way}, {why}; if that is wrong, use --region-origin {other}"
    chosen = moved if is_moved else region
    return replace(chosen, notes=(*region.notes, note))


def _fit(region: Region, bounds: Box) -> int:
    """2 if a region lies inside the bounds, 1 if it overlaps them, 0 if it lies outside."""
    area = inside = 0.0
    for rings in region.polygons:
        (left, top), (right, bottom) = rings[0].min(axis=0), rings[0].max(axis=0)
        across = min(right, bounds.x + bounds.width) - max(left, bounds.x)
        down = min(bottom, bounds.y + bounds.height) - max(top, bounds.y)
        area += (right - left) * (bottom - top)
        inside += max(0.0, across) * max(0.0, down)
    return 2 if inside >= WHOLLY * area else 1 if inside > 0 else 0
