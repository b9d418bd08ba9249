"""Decoders of single tiles; JPEG 2000 also at a half or a quarter of the size.

JPEG 2000 is stored as a small picture and what to add for each doubling. The small picture's px lie
on the first of the px that they stand for. A JPEG can be decoded at half its size as well, but that
saves a tenth of the time, and colours that are halved across only become coarser still.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from wsi_scale.slide.read_plan import AS_STORED, Shrinking

Pixels = NDArray[np.uint8]


class Undecodable(Exception):  # noqa: N818  (a clause about a tile)
    """Why a tile cannot be decoded here; the slide library may still show it."""


class Codec(NamedTuple):
    """How the tiles of a level are decoded."""

    name: str
    decode: Callable[[bytes, bytes, tuple[int, int], int], Pixels]
    """bytes, shared tables, (width, height) as the directory states it, factor to shrink by."""
    shrinking: Shrinking


_CODEC_ERRORS = (RuntimeError, ValueError, OSError, TypeError, SyntaxError, MemoryError)
_BASELINE = (0xC0, 0xC1)
_NO_LENGTH = (0x01, *range(0xD0, 0xD8))

_SMALLER = Shrinking((2, 4), least=2.05)
"""Beyond a ratio of 4.1 half the size serves: the patch is shrunk by two and more after it. Nearer
to its own size, what the smaller picture lacks is seen: 37 dB at a ratio of two, 48 at four."""


def _jpeg(colours: str, data: bytes, tables: bytes, size: tuple[int, int], _: int) -> Pixels:
    import imagecodecs

    if _jpeg_size(data) != size:
        raise Undecodable("its size is not that of its directory, or it is no baseline JPEG")
    try:
        found: Pixels = imagecodecs.jpeg8_decode(
            data, tables=tables or None, colorspace=colours, outcolorspace="RGB"
        )
    except _CODEC_ERRORS as error:
        raise Undecodable(str(error)) from None
    return found


def _jpeg_2000(data: bytes, tables: bytes, size: tuple[int, int], shrink: int) -> Pixels:
    import imagecodecs

    if _jpeg_2000_size(data) != size:
        raise Undecodable("its size is not that of its directory, or it is not plain RGB")
    try:
        if shrink == 1:
            found = imagecodecs.jpeg2k_decode(data)
        else:
            with Image.open(io.BytesIO(data), formats=("JPEG2000",)) as image:
                image.reduce = shrink.bit_length() - 1  # type: ignore[method-assign,assignment]
                image.load()
                found = np.asarray(image)
    except _CODEC_ERRORS as error:
        raise Undecodable(str(error)) from None
    if found.shape != (size[1] // shrink, size[0] // shrink, 3) or found.dtype != np.uint8:
        raise Undecodable("it is no RGB of 8 bits")
    return np.asarray(found)


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    """Width and height that a baseline JPEG of three colours states; None for any other."""
    for marker, at in _markers(data):
        if marker in _BASELINE and at + 8 <= len(data):
            bits, height, width, colours = struct.unpack(">BHHB", data[at + 2 : at + 8])
            return (width, height) if (bits, colours) == (8, 3) else None
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return None
    return None


def _markers(data: bytes) -> Iterator[tuple[int, int]]:
    """Each segment before the pixels: its marker, and where its length stands."""
    at = 2 if data[:2] == b"\xff\xd8" else len(data)
    while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] != 0xDA:
        marker = data[at + 1]
        if marker == 0xFF or marker in _NO_LENGTH:
            at += 1 if marker == 0xFF else 2
            continue
        yield marker, at + 2
        at += 2 + max(2, int.from_bytes(data[at + 2 : at + 4], "big"))


def _jpeg_2000_size(data: bytes) -> tuple[int, int] | None:
    """Width and height that a codestream of three colours of 8 bits states, else None."""
    if data[:4] != b"\xff\x4f\xff\x51" or len(data) < 51:
        return None
    right, bottom, left, top, *tile, count = struct.unpack(">8IH", data[8:42])
    plain = data[42:51] == b"\x07\x01\x01" * 3 and count == 3
    one_tile = tile[0] >= right and tile[1] >= bottom
    return (right, bottom) if plain and (left, top) == (0, 0) and one_tile else None


CODECS = {
    (7, 6): Codec("JPEG", partial(_jpeg, "YCBCR"), AS_STORED),
    (7, 2): Codec("JPEG", partial(_jpeg, "RGB"), AS_STORED),
    (33005, 2): Codec("JPEG 2000", _jpeg_2000, _SMALLER),
}
"""By compression and colours, as TIFF numbers them. SVS 33003 is YCbCr with halved colours, which
only OpenSlide turns into RGB."""
