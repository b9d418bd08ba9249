"""What all readers of files share: finding the file, library errors in words, small examples."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

import numpy as np
from numpy.typing import NDArray

from wsi_scale.errors import one_line

PARSER_ERRORS = (
    ValueError,
    RuntimeError,
    LookupError,
    OSError,
    TypeError,
    AttributeError,
    ArithmeticError,
    AssertionError,
    MemoryError,  # a broken header may declare any size
    ParseError,
    struct.error,
)
"""Exceptions that tifffile, its codecs and TiffSlide's parsers raise on broken files."""


def is_file(source: Any) -> bool:
    """Whether the source is the path of a file that exists."""
    return isinstance(source, str | os.PathLike) and os.path.isfile(source)


def what_it_said(error: BaseException, path: str) -> str:
    """A library's error on one line, without the path and without a full stop.

    Only the first line is kept, because libraries append advice for programmers.
    """
    text = str(error).replace(os.path.abspath(path), "the file").replace(path, "the file")
    line = text.strip().splitlines()[0].strip().rstrip(".") if text.strip() else ""
    return one_line(line, 300) or type(error).__name__


def stored_colour_px(path: str) -> int:
    """Sides of the squares of px that share one stored colour in a TIFF of JPEGs; else 1.

    Read from the first page's YCbCrSubSampling; the longer side where both differ.
    """
    import tifffile

    try:
        with open(path, "rb") as file:
            if file.read(2) not in (b"II", b"MM"):
                return 1
        with tifffile.TiffFile(path) as tiff:
            page = tiff.pages.first
            coded = page.photometric == tifffile.PHOTOMETRIC.YCBCR
            halved = page.subsampling if coded and page.compression == 7 else None
    except PARSER_ERRORS:
        return 1
    return max(int(x) for x in halved) if halved else 1


def example_pixels(width: int = 130, height: int = 90) -> NDArray[np.uint8]:
    """(height, width, 3) uint8; the colour of each pixel shows where it lies."""
    y, x = np.mgrid[:height, :width]
    return np.stack([x % 256, y % 256, (x + y) % 256], axis=2).astype(np.uint8)


def write_example(path: Path, *, tiled: bool) -> Path:
    """Write a TIFF of two levels: tiled for OpenSlide, or in strips, which only TiffSlide reads."""
    import tifffile

    pixels = example_pixels()
    tile = (64, 64) if tiled else None
    with tifffile.TiffWriter(path) as tiff:
        for number, level in enumerate((pixels, pixels[::2, ::2])):
            tiff.write(
                level,
                tile=tile,
                photometric="rgb",
                compression="zlib",
                resolution=(2e4, 2e4),
                resolutionunit="CENTIMETER",
                metadata=None,
                subfiletype=int(number > 0),
            )
    return path
