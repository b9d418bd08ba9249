"""Tiles of a TIFF decoded from their bytes, without a slide library: several times as fast.

OpenSlide turns every tile into premultiplied RGBA and draws it onto a canvas, which takes longer
than decoding it. Here tiles are decoded at once where their level shows the same pixels that way;
every other level stays with OpenSlide (``keep_same``). Only tiles that lie wholly in the file are
decoded, and only if they state the size that the directory states.
"""

from __future__ import annotations

import math
import os
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from wsi_scale.geometry import Level
from wsi_scale.slide.read_plan import AS_STORED, Shrinking
from wsi_scale.slide.readers._codecs import CODECS, Codec, Undecodable
from wsi_scale.slide.readers._handles import Handle
from wsi_scale.slide.tiff_directories import (
    BITS,
    COLOURS,
    COMPRESSION,
    HEIGHT,
    JPEG_TABLES,
    PLANAR,
    SAMPLES,
    TILE_BYTES,
    TILE_HEIGHT,
    TILE_WIDTH,
    TILES,
    WIDTH,
    Directories,
    Fault,
    Tags,
)

KEPT_BYTES = 32 << 20
"""Decoded tiles kept in memory for each open slide, as many as OpenSlide keeps."""

_MOST_LEVELS = 64
_MOST_TILE_SIDE = 4096
_TRIED = 2
"""Tiles of each level that are compared with the library's."""

_MOST_ERROR = 255**2 / 100
"""Mean squared error, 20 dB: colours that are wrong make more, sharp edges less."""

Pixels = NDArray[np.uint8]
Read = Callable[[int, int, int, int, int], Pixels]
"""level, x, y, width, height -> (height, width, 3), by the slide library."""


@dataclass(frozen=True)
class _Tiled:
    """One level: where its tiles are in the file and how they are stored."""

    width: int
    height: int
    side: tuple[int, int]
    """Width and height of a tile, px."""
    starts: NDArray[np.uint64]
    lengths: NDArray[np.uint64]
    codec: Codec
    tables: bytes
    """JPEG tables that all tiles share; empty if each has its own."""

    @property
    def across(self) -> int:
        return math.ceil(self.width / self.side[0])


class _Opened:
    """What one process has of the file; it is closed with the last who holds it."""

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        self.kept: OrderedDict[tuple[int, int, int], Pixels] = OrderedDict()

    def bytes_at(self, start: int, length: int) -> bytes:
        os.lseek(self._file, start, os.SEEK_SET)
        return os.read(self._file, length)

    def close(self) -> None:
        file, self._file = self._file, -1
        self.kept.clear()
        if file >= 0:
            os.close(file)

    __del__ = close


class RawTiles:
    """The levels of one TIFF whose tiles can be decoded without a slide library.

    path: of a TIFF whose structure has been checked. levels: of the slide, finest first.
    """

    def __init__(self, path: str, levels: Sequence[Level]) -> None:
        self._count, self._shrinks = len(levels), True
        self._levels = {i: found for i, found in enumerate(_find(path, levels)) if found}
        opener = partial(_Opened, os.path.abspath(path))
        self._handle: Handle[_Opened] = Handle(opener, _Opened.close, path)

    @property
    def name(self) -> str:
        """What its tiles are, such as ``JPEG``; empty if none can be decoded."""
        return next((one.codec.name for one in self._levels.values()), "")

    @property
    def shrinking(self) -> Shrinking:
        """The sizes at which all of the slide's levels can be decoded."""
        kinds = {one.codec.shrinking for one in self._levels.values()}
        alike = len(kinds) == 1 and len(self._levels) == self._count
        return kinds.pop() if alike and self._shrinks else AS_STORED

    def keep_same(self, read: Read, downsamples: Sequence[float]) -> None:
        """Give up the levels whose pixels differ from those that the library shows.

        The library is asked for places in whole level-0 px. A tile whose place is not whole there
        is shown moved by a fraction of a pixel, and may differ by what that explains.
        """
        for number, downsample in enumerate(downsamples):
            if number in self._levels and not self._is_same(number, read, downsample):
                del self._levels[number]
        self._shrinks = all(self._shrinks_well(number) for number in self._levels)

    def read(
        self, level: int, x: int, y: int, width: int, height: int, shrink: int = 1
    ) -> Pixels | None:
        """(height, width, 3) uint8 of a window of a level, or None if it cannot be read here.

        x, y, width, height: px of the level divided by ``shrink``, one of ``shrinking.factors``.
        """
        tiled = self._levels.get(level)
        if tiled is None:
            return None
        wide, high = (side // shrink for side in tiled.side)
        out = np.empty((height, width, 3), np.uint8)
        try:
            for row in range(y // high, (y + height - 1) // high + 1):
                for column in range(x // wide, (x + width - 1) // wide + 1):
                    tile = self._tile(level, tiled, row * tiled.across + column, shrink)
                    left, top = column * wide, row * high
                    l, r = max(left, x), min(left + wide, x + width)  # noqa: E741
                    t, b = max(top, y), min(top + high, y + height)
                    out[t - y : b - y, l - x : r - x] = tile[t - top : b - top, l - left : r - left]
        except (Undecodable, OSError):
            return None
        return out

    def close(self) -> None:
        """Release the file. Closing twice is harmless."""
        self._handle.close()

    def _tile(self, level: int, tiled: _Tiled, number: int, shrink: int) -> Pixels:
        opened, key = self._handle.get(), (level, number, shrink)
        with self._handle.lock:
            if key in opened.kept:
                opened.kept.move_to_end(key)
                return opened.kept[key]
            length = int(tiled.lengths[number])
            data = opened.bytes_at(int(tiled.starts[number]), length)
        if len(data) < length:
            raise Undecodable("the file ends before it")
        tile = tiled.codec.decode(data, tiled.tables, tiled.side, shrink)
        with self._handle.lock:
            opened.kept[key] = tile
            room = max(1, KEPT_BYTES // tile.nbytes)
            while len(opened.kept) > room:
                opened.kept.popitem(last=False)
        return tile

    def _shrinks_well(self, level: int) -> bool:
        """Whether a tile at half its size looks like the mean of its px, to a few grey levels."""
        tiled = self._levels[level]
        if not tiled.codec.shrinking.factors:
            return False
        number = _to_try(tiled)[-1]
        try:
            whole, half = (self._tile(level, tiled, number, shrink) for shrink in (1, 2))
        except (Undecodable, OSError):
            return False
        high, wide, _ = half.shape
        means = whole.reshape(high, 2, wide, 2, 3).mean((1, 3))  # half a px off, which is little
        return float(np.square(means - half).mean()) < _MOST_ERROR

    def _is_same(self, level: int, read: Read, downsample: float) -> bool:
        tiled = self._levels[level]
        for number in _to_try(tiled):
            row, column = divmod(number, tiled.across)
            x, y = column * tiled.side[0], row * tiled.side[1]
            width = min(tiled.side[0], tiled.width - x)
            height = min(tiled.side[1], tiled.height - y)
            own = self.read(level, x, y, width, height)
            if own is None:
                return False
            off = max(abs(round(i * downsample) / downsample - i) for i in (x, y))
            moved = np.abs(own.astype(np.int16) - read(level, x, y, width, height))
            if moved.max() > (0 if off < 1e-6 else 1 + 510 * off):
                return False
        return True


def _to_try(tiled: _Tiled) -> list[int]:
    """The tiles with the most bytes, so with the most to see; far from the first if possible."""
    most = np.argsort(tiled.lengths, kind="stable")[-_TRIED:]
    return [int(number) for number in most]


def _find(path: str, levels: Sequence[Level]) -> list[_Tiled | None]:
    """Each level's image in the file's main list; None where there is none, or more than one."""
    found: dict[tuple[int, int], _Tiled | None] = {}
    try:
        with open(path, "rb") as file:
            there = Directories(file)
            offset = 0 if there.is_ndpi else there.first
            for number in range(_MOST_LEVELS):
                if not offset:
                    break
                here = f"image {number}"
                tags, offset = there.tags_at(offset, here)
                size = tuple(there.number(tags, tag, here, 0) for tag in (WIDTH, HEIGHT))
                if TILES in tags:
                    twice = size in found
                    found[size[0], size[1]] = None if twice else _tiled(there, tags, here)
    except (Fault, OSError):
        return [None] * len(levels)
    return [found.get((level.width, level.height)) for level in levels]


def _tiled(there: Directories, tags: Tags, here: str) -> _Tiled | None:
    """How an image's tiles are stored; None if that is not understood here."""
    codec = CODECS.get(
        (there.number(tags, COMPRESSION, here, 1), there.number(tags, COLOURS, here, 0))
    )
    bits = there.numbers(tags, BITS, here).tolist()
    planes = there.number(tags, PLANAR, here, 1), there.number(tags, SAMPLES, here, 1)
    if codec is None or planes != (1, 3) or set(bits) != {8}:
        return None
    width, height, wide, high = (
        there.number(tags, tag, here, 0) for tag in (WIDTH, HEIGHT, TILE_WIDTH, TILE_HEIGHT)
    )
    starts, lengths = (there.numbers(tags, tag, here) for tag in (TILES, TILE_BYTES))
    count = math.ceil(width / max(1, wide)) * math.ceil(height / max(1, high))
    if not (16 <= wide <= _MOST_TILE_SIDE and 16 <= high <= _MOST_TILE_SIDE):
        return None
    if wide % 16 or high % 16 or len(starts) != count or len(lengths) != count:
        return None
    starts, lengths = starts.astype(np.uint64), lengths.astype(np.uint64)
    end = np.uint64(there.size)
    if lengths.min() == 0 or (starts > end).any() or (lengths > end - starts).any():
        return None  # tiles that were left out, or lie beyond the file
    tables = there.raw(tags, JPEG_TABLES, here)
    return _Tiled(width, height, (wide, high), starts, lengths, codec, tables)
