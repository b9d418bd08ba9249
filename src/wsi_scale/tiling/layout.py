"""Where the tiles of a slide lie: pure arithmetic.

"Output px" are pixels of the stitched picture. Output px (i, j) shows a square that is ``scale``
level-0 px wide, with its top left corner at ``area.x + j · scale``, ``area.y + i · scale``. Tiles
lie on whole output px, so neighbours share an edge exactly, whatever the scale.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from wsi_scale.errors import SettingsError
from wsi_scale.geometry import Box
from wsi_scale.slide.read_plan import FILTER_SUPPORT

_SLACK = 1e-6  # output px; a strip thinner than this is rounding, not slide


@dataclass(frozen=True)
class Place:
    """Where one tile lies, on the slide and in the stitched picture."""

    row: int
    """Row in the grid of all tiles; the top one is 0."""
    column: int
    """Column in the grid of all tiles; the left one is 0."""
    x: float
    """Left edge, level-0 px of the whole canvas."""
    y: float
    """Top edge, level-0 px."""
    width: float
    """Level-0 px: size × scale, even if the tile reaches beyond the slide's rim."""
    height: float
    """Level-0 px."""
    left: int
    """Left edge, output px."""
    top: int
    """Top edge, output px."""
    valid_width: int
    """Number of columns, from the left, that show slide; the others are background."""
    valid_height: int
    """Number of rows, from the top, that show slide; the others are background."""


@dataclass(frozen=True)
class Layout:
    """The grid of all tiles over part of a slide. Raises SettingsError if there can be none.

    >>> box = Box(0, 0, 1000, 500)
    >>> layout = Layout(area=box, bounds=box, scale=2.0, size=224, overlap=0)
    >>> (layout.height, layout.width), (layout.rows, layout.columns)
    ((250, 500), (2, 3))
    """

    area: Box
    """What is tiled, level-0 px, within the bounds. The first tile lies in its top left corner."""
    bounds: Box
    """Where the slide has pixels, level-0 px."""
    scale: float
    """Level-0 px per output px."""
    size: int
    """Side of a tile, output px."""
    overlap: int
    """Output px that a tile shares with the next one."""

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
        """Width of the stitched picture, output px. Its last column may show slide only in part."""
        return self._pixels(self.area.width)

    @property
    def height(self) -> int:
        """Height of the stitched picture, output px."""
        return self._pixels(self.area.height)

    @property
    def columns(self) -> int:
        """Number of tiles that cover the width."""
        return self._tiles(self.width)

    @property
    def rows(self) -> int:
        """Number of tiles that cover the height."""
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
        """Output px that a level-0 length needs, rounded up: 1000 px at scale 3 need 334."""
        return max(1, math.ceil(length / self.scale - _SLACK))

    def _tiles(self, pixels: int) -> int:
        """Number of tiles that cover a length in output px.

        With size 100 and overlap 20, 100 px need 1 tile, 101 and 180 px need 2.
        """
        return max(1, math.ceil((pixels - self.overlap) / self.step))


@dataclass(frozen=True)
class Span:
    """One side of a tile's read: which level px to read, and where the tile lies in them."""

    start: int
    """First px to read, level px."""
    length: int
    """Number of px to read, level px, before reduction."""
    repeat: tuple[int, int]
    """How often to repeat the first and the last px (after reduction), so that the filter sees the
    rim repeated beyond the rim."""
    box: tuple[float, float]
    """Where the tile begins and ends in those px, after reduction and repetition."""


def span(begin: float, count: int, ratio: float, rim: tuple[float, float], reduce: int = 1) -> Span:
    """One side of a read. An output px depends only on where it lies, not on the tile.

    begin: where the tile begins, level px; may be fractional. count: output px of the tile.
    ratio: level px per output px. rim: where the slide begins and ends, level px.
    reduce: level px that are averaged into one, counted from the rim, the same for every tile.
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
