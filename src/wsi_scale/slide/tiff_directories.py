"""Reads the directories of a TIFF: tags by number, and where the next image is. No pixels.

Understood are classic TIFF and BigTIFF in both byte orders, and NDPI, whose classic TIFF has 64-bit
offsets. Every read is checked against the length of the file.

Source: TIFF 6.0; the BigTIFF design (libtiff); for NDPI tifffile's and OpenSlide's readers.
"""

from __future__ import annotations

import os
import struct
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
"""How a TIFF begins: little or big endian, classic or BigTIFF."""

MOST_TAGS = 4096
"""Most tags of one image."""

MOST_VALUE = 1 << 30
"""Most bytes of one value that does not say where pixels are."""

WIDTH, HEIGHT, BITS, COMPRESSION = 256, 257, 258, 259
STRIPS, SAMPLES, STRIP_ROWS, STRIP_BYTES = 273, 277, 278, 279
PLANAR, TILE_WIDTH, TILE_HEIGHT, TILES, TILE_BYTES, SUB_IMAGES = 284, 322, 323, 324, 325, 330
OLD_JPEG, NDPI = 513, 65420
COLOURS, JPEG_TABLES = 262, 347
STRUCTURE = {
    WIDTH: "width",
    HEIGHT: "height",
    BITS: "bits per sample",
    COMPRESSION: "compression",
    STRIPS: "list of strips",
    SAMPLES: "samples per pixel",
    STRIP_ROWS: "rows per strip",
    STRIP_BYTES: "lengths of strips",
    PLANAR: "planar configuration",
    TILE_WIDTH: "tile width",
    TILE_HEIGHT: "tile height",
    TILES: "list of tiles",
    TILE_BYTES: "lengths of tiles",
    SUB_IMAGES: "list of images within",
}
"""Tags that say where pixels are and how many."""

_WHOLE = {1: "u1", 3: "u2", 4: "u4", 6: "i1", 8: "i2", 9: "i4", 13: "u4", 16: "u8", 17: "i8"}
_WHOLE[18] = "u8"
_BYTES = {2: 1, 5: 8, 7: 1, 10: 8, 11: 4, 12: 8}
_BYTES |= {kind: int(code[1]) for kind, code in _WHOLE.items()}


class Fault(Exception):  # noqa: N818  (a clause about the file)
    """What is wrong with a file."""


def _name(tag: int) -> str:
    return STRUCTURE.get(tag, f"tag {tag}")


class _Form(NamedTuple):
    """How a file writes its directories."""

    order: str
    counter: str
    entry: str
    offset: str
    ndpi: bool = False
    has_halves: bool = False
    """Whether an NDPI file is so large that the high halves of its offsets count."""

    @property
    def inline(self) -> int:
        """Most bytes of a value that stands in its entry."""
        return 8 if self.offset == "Q" and not self.ndpi else 4


class TagValue(NamedTuple):
    """One tag of an image."""

    kind: int
    values: int
    raw: bytes
    """The value, or its offset."""
    high: int = 0
    """High half of the value or offset, in large NDPI files."""


Tags = dict[int, TagValue]


class Directories:
    """The directories of an open TIFF. Every method raises Fault for what cannot be."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.size = os.fstat(file.fileno()).st_size
        """Length of the file, bytes."""
        self.first = 0
        """Offset of the first image."""
        self._form = self._header()

    @property
    def is_ndpi(self) -> bool:
        """Whether it is a Hamamatsu NDPI file."""
        return self._form.ndpi

    def _header(self) -> _Form:
        start = self._read(0, 16, "its header")
        order = "<" if start[:2] == b"II" else ">"
        if start[2:4] in (b"+\0", b"\0+"):
            if struct.unpack(f"{order}HH", start[4:8]) != (8, 0):
                raise Fault("its header is not that of a BigTIFF")
            self.first = struct.unpack(f"{order}Q", start[8:16])[0]
            return _Form(order, "Q", "HHQ8s", "Q")
        if order == "<":
            self.first = struct.unpack("<Q", start[4:12])[0]
            self._form = _Form(order, "H", "HHI4s", "Q", True, self.size >= 1 << 32)
            if self._holds_ndpi():
                return self._form
        self.first = struct.unpack(f"{order}I", start[4:8])[0]
        return _Form(order, "H", "HHI4s", "I")

    def _holds_ndpi(self) -> bool:
        try:
            return NDPI in self.tags_at(self.first, "image 0")[0]
        except Fault:
            return False

    def tags_at(self, offset: int, here: str) -> tuple[Tags, int]:
        """The tags of the image at ``offset``, and the offset of the next image, 0 if none.

        here: name of the image, for messages.
        """
        form = self._form
        head = struct.calcsize(f"={form.counter}")
        count = struct.unpack(form.order + form.counter, self._read(offset, head, here))[0]
        if not 0 < count <= MOST_TAGS:
            raise Fault(f"{here} has {count} tags, not 1 to {MOST_TAGS}")
        size, tail = struct.calcsize(f"={form.entry}"), struct.calcsize(f"={form.offset}")
        raw = self._read(offset + head, count * size + tail, here)
        after = struct.unpack(form.order + form.offset, raw[-tail:])[0]
        highs: tuple[int, ...] = (0,) * count
        if form.has_halves:
            more = self._read(offset + head + len(raw), 4 * count, here)
            highs = struct.unpack(f"<{count}I", more)
        tags: Tags = {}
        entries = struct.iter_unpack(form.order + form.entry, raw[:-tail])
        for (tag, kind, values, value), high in zip(entries, highs, strict=True):
            if tag in tags and tag in STRUCTURE:
                raise Fault(f"{here} states its {STRUCTURE[tag]} twice")
            tags[tag] = TagValue(kind, values, value, high)
            length = tags[tag].values * _BYTES.get(tags[tag].kind, 1)
            if length > (self.size if tag in STRUCTURE else min(self.size, MOST_VALUE)):
                raise Fault(f"{here} has a tag {tag} of {length} bytes, more than it can hold")
        return tags, after

    def numbers(self, tags: Tags, tag: int, here: str) -> NDArray[Any]:
        """(N,) whole numbers of a tag of STRUCTURE; N is 0 if the tag is missing."""
        if tag not in tags:
            return np.empty(0, np.int64)
        entry = tags[tag]
        if entry.kind not in _WHOLE or not entry.values:
            raise Fault(f"the {_name(tag)} of {here} is no whole number")
        found = np.frombuffer(self.raw(tags, tag, here), self._form.order + _WHOLE[entry.kind])
        if entry.high and found.nbytes <= self._form.inline:  # else it is part of the place
            return found.astype(np.uint64) | np.uint64(entry.high << 32)
        return found

    def raw(self, tags: Tags, tag: int, here: str) -> bytes:
        """The bytes of a tag's values; none if it is missing."""
        if tag not in tags:
            return b""
        entry = tags[tag]
        length = entry.values * _BYTES.get(entry.kind, 1)
        if length <= self._form.inline:
            return entry.raw[:length]
        start = int.from_bytes(entry.raw, "little" if self._form.order == "<" else "big")
        return self._read(start + (entry.high << 32), length, f"the {_name(tag)} of {here}")

    def number(self, tags: Tags, tag: int, here: str, default: int) -> int:
        """The first whole number of a tag, ``default`` if it is missing."""
        found = self.numbers(tags, tag, here)
        return int(found[0]) if len(found) else default

    def _read(self, start: int, length: int, what: str) -> bytes:
        if start + length > self.size or start < 0:
            raise Fault(f"it ends before {what}")
        self._file.seek(start)
        found = self._file.read(length)
        if len(found) < length:
            raise Fault(f"it ends before {what}")
        return found
