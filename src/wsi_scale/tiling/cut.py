"""Tiles of a slide at any scale, cut from its native levels when they are indexed."""

from __future__ import annotations

import logging
import numbers
import operator
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, overload

import numpy as np
from numpy.typing import NDArray

from wsi_scale.errors import SettingsError, SlideError
from wsi_scale.geometry import pick_level
from wsi_scale.sites.overview import shared_box
from wsi_scale.sites.polygons import Region
from wsi_scale.sites.region_frame import Origin, region_on
from wsi_scale.slide.base import Slide
from wsi_scale.slide.read_plan import LevelRead, reduction
from wsi_scale.slide.reading import read_reduced, resample
from wsi_scale.tiling.layout import Layout, Place, Span, span
from wsi_scale.tiling.worth_reading import TISSUE_SHARE, kept_tiles

log = logging.getLogger(__name__)


class HasScale(Protocol):
    """A Report, an Estimate, or anything else that has a scale."""

    @property
    def scale(self) -> float | None:
        """Level-0 px per network px; None if none was found."""


@dataclass(frozen=True, eq=False)
class Tile:
    """One tile: its pixels and its place."""

    pixels: NDArray[np.uint8]
    """(size, size, 3) uint8 RGB. Beyond the slide's rim they are its background, mostly white."""
    place: Place
    """Where the tile lies, on the slide and in the stitched picture."""


@dataclass(frozen=True, eq=False, repr=False)
class Tiles(Sequence[Tile]):
    """The tiles of a slide, row by row: a sequence that reads a tile when it is indexed.

    ``wsi_scale.tiles`` makes it. A slice is also a ``Tiles``. It can be pickled and used in forked
    or spawned workers, which open the slide themselves. Keep the slide open meanwhile: indexing
    raises SlideError if the slide is closed or cannot be decoded.

    Examples
    --------
    >>> from wsi_scale import open_slide
    >>> with open_slide("synthetic:figures?width=800&height=600") as slide:
    ...     found = tiles(slide, scale=2.0, size=100)
    ...     len(found), found.shape, found[0].pixels.shape
    (12, (300, 400), (100, 100, 3))
    >>> found.place(5).row, found.place(5).column
    (1, 1)
    """

    slide: Slide
    """The open slide."""
    layout: Layout
    """The grid of all tiles, including those that are left out."""
    kept: range | NDArray[np.int64]
    """Numbers of the tiles in that grid, row · columns + column, rising."""

    @property
    def scale(self) -> float:
        """Level-0 px per output px."""
        return self.layout.scale

    @property
    def size(self) -> int:
        """Side of a tile, output px."""
        return self.layout.size

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) of the stitched picture, output px."""
        return self.layout.height, self.layout.width

    @property
    def origin(self) -> tuple[float, float]:
        """(x, y) of the stitched picture's top left corner, level-0 px."""
        return self.layout.area.x, self.layout.area.y

    @property
    def mpp(self) -> tuple[float, float] | None:
        """µm per output px (x, y); None if the slide's µm/px is not known."""
        mpp = self.slide.mpp
        return None if mpp is None else (mpp[0] * self.scale, mpp[1] * self.scale)

    @property
    def upsampled(self) -> bool:
        """True below scale 1: tiles then show pixels that the slide does not have."""
        return self.scale < 1 - 1e-9

    def place(self, index: int) -> Place:
        """Where a tile lies. No pixel is read. Raises IndexError as a list does."""
        number = int(self.kept[operator.index(index)])
        return self.layout.place(*divmod(number, self.layout.columns))

    def __len__(self) -> int:
        return len(self.kept)

    @overload
    def __getitem__(self, index: int) -> Tile: ...

    @overload
    def __getitem__(self, index: slice) -> Tiles: ...

    def __getitem__(self, index: int | slice) -> Tile | Tiles:
        if isinstance(index, slice):
            return replace(self, kept=self.kept[index])
        place = self.place(index)
        return Tile(cut_tile(self.slide, self.layout, place), place)

    def __repr__(self) -> str:
        return (
            f"<{len(self)} tiles of {self.size} px at scale {self.scale:.4g} of {self.slide.path}>"
        )


def tiles(
    slide: Slide,
    *,
    scale: float | HasScale | None,
    size: int = 224,
    overlap: int = 0,
    region: Region | str | os.PathLike[str] | None = None,
    region_origin: Origin = "auto",
    region_class: str | None = None,
    tissue: bool | float = False,
) -> Tiles:
    """Tiles of a slide at a scale, row by row; each is read when it is indexed.

    Tiles begin at the top left corner of ``slide.bounds`` or of the region's box, and cover all of
    it. The last tile of a row or column may reach beyond the slide's rim; there it shows
    background.

    Parameters
    ----------
    slide : Slide
        An open slide. Keep it open while tiles are read.
    scale : float, Report or Estimate
        Level-0 px per px of a tile, above 0. Below 1, tiles are upsampled. That is logged, and so
        is a verdict other than ``ok``.
    size : int
        Side of a tile, output px.
    overlap : int
        Output px shared by neighbours, 0 to ``size - 1``.
    region : Region, str or path, optional
        Tile only this part: a Region, a GeoJSON file or a box ``"x,y,w,h"`` in level-0 px. Tiles
        that no polygon touches are left out.
    region_origin : str
        From where the region counts: ``bounds``, as in QuPath, ``level0``, or ``auto``, which finds
        out where it can and logs it.
    region_class : str, optional
        Only areas of this class of QuPath; default: all but ``Ignore*``.
    tissue : bool or float
        True leaves out tiles with less than a twentieth of tissue; a number from 0 to 1 sets
        another share. It is the share of the part of the tile that lies on the slide and in the
        region's box. A slide without tissue has no tiles.

    Returns
    -------
    Tiles
        A sequence of ``Tile``.

    Raises
    ------
    SettingsError
        When there is no scale, or a number or the region cannot be used.
    SiteError
        When the region lies outside the slide.
    SlideError
        When ``slide`` is not an open slide.

    Examples
    --------
    >>> from wsi_scale import open_slide
    >>> with open_slide("synthetic:figures?width=800&height=600") as slide:
    ...     found = tiles(slide, scale=2.0, size=100, region="0,0,500,300")
    ...     len(found), found[0].place.width
    (6, 200.0)
    """
    if not isinstance(slide, Slide):
        raise SlideError(
            f"tiles must be cut from an open slide, got {type(slide).__name__}; "
            "pass wsi_scale.open_slide(…)"
        )
    share = _share(tissue)
    number = _number(scale)
    size, overlap = _whole("size", size), _whole("overlap", overlap)
    asked = None if region is None else region_on(slide, region, region_origin, region_class)
    for note in () if asked is None else asked.notes:
        log.warning("%s", note)
    area = slide.bounds if asked is None else shared_box(slide, asked)
    layout = Layout(area, slide.bounds, number, size, overlap)
    found = Tiles(slide, layout, kept_tiles(slide, layout, asked, share))
    if found.upsampled:
        log.warning("scale %.4g is below 1: tiles show pixels the slide does not have", number)
    return found


def cut_tile(slide: Slide, layout: Layout, place: Place) -> NDArray[np.uint8]:
    """The pixels of one tile, (size, size, 3), from the level that suits the scale.

    A pixel is the same in whichever tile it is cut. Beyond the slide's rim the filter sees the rim
    repeated, so no background mixes in. Raises SlideError if the slide cannot be decoded there.
    """
    number = pick_level(slide.levels, layout.scale)
    level, have = slide.levels[number], slide.bounds
    ratio = layout.scale / level.downsample
    reduce = reduction(layout.size * ratio, ratio)

    def along(start: float, rim: tuple[float, float], extent: int) -> Span:
        first, last = (edge / level.downsample for edge in rim)
        begin, rim = start / level.downsample, (first, min(last, extent))
        return span(begin, layout.size, ratio, rim, reduce)

    across = along(place.x, (have.x, have.x + have.width), level.width)
    down = along(place.y, (have.y, have.y + have.height), level.height)
    read = LevelRead(number, across.start, down.start, across.length, down.length, reduce, ())
    pixels = np.pad(read_reduced(slide, read), (down.repeat, across.repeat, (0, 0)), mode="edge")
    box = (across.box[0], down.box[0], across.box[1], down.box[1])
    # always a whole square: for other shapes Pillow may swap its two passes and round differently
    shown = resample(pixels, box, layout.size, layout.size)
    out = np.empty_like(shown)
    out[:] = slide.background
    inside = np.s_[: place.valid_height, : place.valid_width]
    out[inside] = shown[inside]
    return out


def _number(scale: Any) -> float:
    """The scale as a number. Raises SettingsError if there is none."""
    if isinstance(scale, numbers.Real):
        return float(scale)
    if scale is not None and not hasattr(scale, "scale"):
        raise SettingsError(
            f"scale must be a number above 0 or a Report with a scale, got {scale!r}"
        )
    found = getattr(scale, "scale", None)
    verdict, reason = getattr(scale, "verdict", None), getattr(scale, "reason", None)
    if found is None:
        why = f": {reason}" if reason else ""
        raise SettingsError(f"no scale was found{why}; to cut tiles anyway, pass a number")
    if verdict not in (None, "ok"):
        log.warning("use scale %.4g with care (%s): %s", found, verdict, reason)
    return float(found)


def _whole(name: str, value: Any) -> int:
    try:
        return operator.index(value)
    except TypeError:
        raise SettingsError(f"{name} must be a whole number of px, got {value!r}") from None


def _share(tissue: Any) -> float | None:
    """Least share of tissue in a tile; None if all tiles are kept."""
    if isinstance(tissue, bool):
        return TISSUE_SHARE if tissue else None
    if not (isinstance(tissue, numbers.Real) and 0 <= float(tissue) <= 1):
        raise SettingsError(f"tissue must be True, False or a share from 0 to 1, got {tissue!r}")
    return float(tissue)
