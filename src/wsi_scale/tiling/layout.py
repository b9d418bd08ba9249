"""Where the tiles of a slide lie: pure arithmetic.

Frame "output px": pixels of the stitched picture. Output px (i, j) shows the level-0 square from
``area.x + j · scale``, ``area.y + i · scale``, ``scale`` wide. Tiles lie on whole output px, so
neighbours share an edge exactly, whatever the scale.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from wsi_scale.errors import SettingsError
from wsi_scale.geometry import Box
from wsi_scale.slide.read_plan import FILTER_SUPPORT

_SLACK = 1e-6  # output px; a sliver thinner than this is rounding, not slide


@dataclass(frozen=True)
class Place:
    """Where one tile lies, on the slide and in the stitched picture."""

    row: int
    """In the grid of all tiles, from the top."""
    column: int
    """In the grid of all tiles, from the left."""
    x: float
    """Left edge, level-0 px of the whole canvas."""
    y: float
    """Top edge, level-0 px."""
    width: float
    """Level-0 px, size × scale, also where the tile hangs over the slide's rim."""
    height: float
    """Level-0 px."""
    left: int
    """Left edge, output px."""
    top: int
    """Top edge, output px."""
    valid_width: int
    """Columns of the tile, from its left, that show slide; those right of them are background."""
    valid_height: int
    """Rows of the tile, from its top, that show slide; those below are background."""


@dataclass(frozen=True)
class Layout:
    """The grid of all tiles over part of a slide. Raises SettingsError where there is none."""

    area: Box
    """What is tiled, level-0 px; lies within the bounds. Its left top corner is that of a tile."""
    bounds: Box
    """Where the slide has pixels, level-0 px."""
    scale: float
    """Level-0 px per output px."""
    size: int
    """Side of a tile, output px."""
    overlap: int
    """Output px that a tile shares with the next."""

    def __post_init__(self) -> None:
        if not (math.isfinite(self.scale) and self.scale > 0):
            raise SettingsError(f"scale must be a finite number above 0, got {self.scale}")
        if self.size < 1:
            raise SettingsError(f"size must be at least 1 px, got {self.size}")
        if not 0 <= self.overlap < self.size:
            raise SettingsError(
                f"tiles of {self.size} px may overlap by 0 to {self.size - 1} px, "
                f"got {self.overlap}"
            )

    @property
    def step(self) -> int:
        """Output px from one tile to the next."""
        return self.size - self.overlap

    @property
    def width(self) -> int:
        """Of the stitched picture, output px; the last column may show slide only in part."""
        return self._pixels(self.area.width)

    @property
    def height(self) -> int:
        """Of the stitched picture, output px."""
        return self._pixels(self.area.height)

    @property
    def columns(self) -> int:
        """Tiles side by side: as many as cover the width."""
        return self._tiles(self.width)

    @property
    def rows(self) -> int:
        """Tiles one below the other."""
        return self._tiles(self.height)

    def place(self, row: int, column: int) -> Place:
        """Where the tile of a row and column lies."""
        left, top = column * self.step, row * self.step
        right = self._pixels(self.bounds.x + self.bounds.width - self.area.x)
        bottom = self._pixels(self.bounds.y + self.bounds.height - self.area.y)
        side = self.size * self.scale
        return Place(
            row,
            column,
            self.area.x + left * self.scale,
            self.area.y + top * self.scale,
            side,
            side,
            left,
            top,
            min(self.size, right - left),
            min(self.size, bottom - top),
        )

    def _pixels(self, length: float) -> int:
        """Output px that a length begins: 1000 at scale 3 -> 334."""
        return max(1, math.ceil(length / self.scale - _SLACK))

    def _tiles(self, pixels: int) -> int:
        """Tiles that cover so many px: size 100, overlap 20: 100 -> 1, 101 -> 2, 180 -> 2."""
        return max(1, math.ceil((pixels - self.overlap) / self.step))


@dataclass(frozen=True)
class Span:
    """One side of a tile's read: which level px to take, and where in them the tile lies."""

    start: int
    """First px to read, of the level."""
    length: int
    """Px to read, before reduction."""
    repeat: tuple[int, int]
    """How often to repeat the first and the last px read (after reduction): beyond the rim the
    filter sees the rim."""
    box: tuple[float, float]
    """Where the tile begins and ends in the px read, reduced and repeated."""


def span(begin: float, count: int, ratio: float, rim: tuple[float, float], reduce: int = 1) -> Span:
    """Plan one side of a read so that an output px depends on its place alone, not on the tile.

    begin: where the tile begins, level px, fractional. count: its output px.
    ratio: level px per output px. rim: where the slide begins and ends, level px.
    reduce: level px averaged into one, counted from the rim, the same for every tile.
    """
    first = math.floor(rim[0] + _SLACK)
    last = max(first + 1, math.ceil(rim[1] - _SLACK))
    there = math.ceil((last - first) / reduce)
    left = (begin - first) / reduce
    right = left + count * ratio / reduce
    margin = FILTER_SUPPORT * max(1.0, ratio / reduce)
    wanted = (math.floor(left - margin), math.ceil(right + margin))
    low = min(max(wanted[0], 0), there - 1)
    high = max(min(wanted[1], there), low + 1)
    start = first + low * reduce
    return Span(
        start,
        min(first + high * reduce, last) - start,
        (max(0, low - wanted[0]), max(0, wanted[1] - high)),
        (left - wanted[0], right - wanted[0]),
    )
