"""Checks the structure of a TIFF before any library opens it: a bounded walk over its images.

Only directories and the lists of tiles are read, no pixels: milliseconds, also for a slide of a
million tiles. Real files with small oddities pass; what a library may fail on is told as a doubt.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from wsi_scale.errors import SlideError
from wsi_scale.slide.at_once import MOST_SIDE, check_at_once
from wsi_scale.slide.tiff_directories import (
    BITS,
    COMPRESSION,
    HEIGHT,
    OLD_JPEG,
    PLANAR,
    SAMPLES,
    STARTS,
    STRIP_BYTES,
    STRIP_ROWS,
    STRIPS,
    SUB_IMAGES,
    TILE_BYTES,
    TILE_HEIGHT,
    TILE_WIDTH,
    TILES,
    WIDTH,
    Directories,
    Fault,
    Tags,
)

MOST_IMAGES = 1 << 16
"""Most images in one file."""

MOST_DEPTH = 4
"""Deepest that images may lie within images."""

MOST_TILE_PX = 1 << 26
MOST_TILE_BYTES = 1 << 29
"""Largest tile: 8192 squared, half a GiB."""

_KNOWN = frozenset(
    (1, 5, 6, 7, 8, 22610, 32773, 32946, 33003, 33004, 33005, 34712, 34925, 50000, 50001)
)
"""Compressions that slides have: none, LZW, JPEG, deflate, PackBits, JPEG 2000, JPEG XR, …"""


@dataclass(frozen=True)
class Checked:
    """What the walk found in a sound TIFF."""

    images: int
    """Number of images, those within others included."""
    doubts: tuple[str, ...] = ()
    """What is odd but may be right, one clause each; a library may fail on it."""


def is_tiff(path: str | os.PathLike[str]) -> bool:
    """Whether a file begins as a TIFF does; False if it cannot be read."""
    try:
        with Path(path).open("rb") as file:
            return file.read(4) in STARTS
    except OSError:
        return False


def check_tiff(path: str | os.PathLike[str]) -> Checked:
    """Walk over the images of a TIFF; no library should open it before.

    Parameters
    ----------
    path : path
        A file for which `is_tiff` is true.

    Returns
    -------
    Checked
        The number of images, and what is odd.

    Raises
    ------
    SlideError
        When directories form a loop or lead beyond the file, when sizes are negative or absurd,
        when tiles are missing or lie about their length, or when one is too large to decode.

    Examples
    --------
    >>> import numpy, tempfile, tifffile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     tifffile.imwrite(f"{folder}/a.tif", numpy.zeros((64, 64, 3), "uint8"), tile=(32, 32))
    ...     check_tiff(f"{folder}/a.tif")
    Checked(images=1, doubts=())
    """
    try:
        with Path(path).open("rb") as file:
            return _Walk(os.fspath(path), Directories(file)).whole()
    except Fault as fault:
        raise SlideError(f"{path} is a damaged TIFF: {fault}; copy it again") from None
    except OSError as error:
        raise SlideError(f"{path} cannot be read: {error.strerror or error}") from None


class _Walk:
    """One walk over the images of an open file. Its methods raise Fault or SlideError."""

    def __init__(self, path: str, file: Directories) -> None:
        self._path, self._file = path, file
        self._seen: set[int] = set()
        self._doubts: list[str] = []

    def whole(self) -> Checked:
        """Walk over all images."""
        self._chain(self._file.first, "image", 0)
        return Checked(len(self._seen), tuple(self._doubts))

    def _chain(self, offset: int, name: str, depth: int) -> None:
        """Check the images from ``offset`` on, each of which says where the next one is."""
        if depth > MOST_DEPTH:
            raise Fault(f"it nests images more than {MOST_DEPTH} deep")
        own: set[int] = set()
        while offset:
            here = f"{name} {len(own)}"
            if offset in own:
                raise Fault(f"its list of images leads back to itself after {len(own)} images")
            own.add(offset)
            if offset in self._seen:
                return  # an image that is listed twice
            self._seen.add(offset)
            if len(self._seen) > MOST_IMAGES:
                raise Fault(f"it lists more than {MOST_IMAGES} images")
            tags, offset = self._file.tags_at(offset, here)
            self._image(tags, here)
            for inside in self._file.numbers(tags, SUB_IMAGES, here).tolist():
                self._chain(inside, f"{here}, image within", depth + 1)

    def _image(self, tags: Tags, here: str) -> None:
        """Check one image: its size, that all its tiles are listed, and where they lie."""
        if WIDTH not in tags and HEIGHT not in tags:
            return  # a directory of something else
        width, height = (self._file.number(tags, tag, here, 0) for tag in (WIDTH, HEIGHT))
        if not (0 < width <= MOST_SIDE and 0 < height <= MOST_SIDE):
            raise Fault(f"{here} says that it is {width} × {height} px")
        if self._file.number(tags, COMPRESSION, here, 1) not in _KNOWN:
            self._doubts.append(f"{here} is compressed in an unusual way")
        planes, px_bytes = self._depth(tags, here)
        tiled = TILES in tags or TILE_WIDTH in tags or TILE_HEIGHT in tags
        words = "tiles" if tiled else "strips"
        listed, lengths = (TILES, TILE_BYTES) if tiled else (STRIPS, STRIP_BYTES)
        if tiled:
            across, down = self._tiles(tags, width, height, px_bytes, here)
        else:
            across, down = 1, self._strips(tags, width, height, here)
        if listed not in tags and OLD_JPEG in tags:
            return
        needed, have = across * down * planes, tags[listed].values if listed in tags else 0
        if have < needed and not self._file.is_ndpi:
            raise Fault(
                f"{here} says that it is {width} × {height} px, which needs {needed} {words}, "
                f"but it lists {have}"
            )
        self._places(tags, listed, lengths, f"{words} of {here}", here)

    def _depth(self, tags: Tags, here: str) -> tuple[int, int]:
        """Number of planes, and the most bytes that a pixel of one takes once decoded."""
        samples = self._file.number(tags, SAMPLES, here, 1)
        bits = max(self._file.numbers(tags, BITS, here).tolist(), default=1)
        if not (0 < samples <= 1 << 16 and 0 < bits <= 64):
            raise Fault(f"{here} has {samples} samples of {bits} bits per pixel")
        planes = samples if self._file.number(tags, PLANAR, here, 1) == 2 else 1
        return planes, max(4, samples // planes * math.ceil(bits / 8))

    def _tiles(
        self, tags: Tags, width: int, height: int, px_bytes: int, here: str
    ) -> tuple[int, int]:
        """Number of tiles across and down."""
        wide, high = (self._file.number(tags, tag, here, 0) for tag in (TILE_WIDTH, TILE_HEIGHT))
        px = wide * high
        if not (wide > 0 and high > 0 and px <= MOST_TILE_PX and px * px_bytes <= MOST_TILE_BYTES):
            raise Fault(f"{here} says that its tiles are {wide} × {high} px")
        return math.ceil(width / wide), math.ceil(height / high)

    def _strips(self, tags: Tags, width: int, height: int, here: str) -> int:
        """Number of strips."""
        rows = min(self._file.number(tags, STRIP_ROWS, here, height), height)
        if rows < 1:
            raise Fault(f"{here} has {rows} rows per strip")
        if not self._file.is_ndpi:  # parts of its strips can be decoded
            check_at_once(self._path, f"a strip of {here}", width, rows)
        return math.ceil(height / rows)

    def _places(self, tags: Tags, listed: int, lengths: int, words: str, here: str) -> None:
        """Check where an image's tiles or strips lie in the file."""
        starts = self._file.numbers(tags, listed, here)
        sizes = self._file.numbers(tags, lengths, here)
        end, longest = self._file.size, int(sizes.max()) if len(sizes) else 0
        if longest > end or (len(sizes) and int(sizes.min()) < 0):
            raise Fault(f"one of the {words} has {longest} bytes, more than the file")
        if not len(starts) or 0 <= int(starts.min()) <= int(starts.max()) <= end - longest:
            return
        count = min(len(starts), len(sizes))
        first, size = starts[:count].astype(np.uint64), sizes[:count].astype(np.uint64)
        beyond = (size > 0) & ((first >= end) | (size > end - np.minimum(first, np.uint64(end))))
        lost, stored = int(np.count_nonzero(beyond)), int(np.count_nonzero(size))
        if lost and lost == stored:
            raise Fault(f"it ends before the {words}")
        if lost:
            self._doubts.append(f"it ends before {lost} of the {stored} {words}")
