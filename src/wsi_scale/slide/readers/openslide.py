"""Slides in every format that OpenSlide reads: SVS, NDPI, MRXS, SCN, DICOM, pyramid TIFF, …"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import openslide
import tifffile
from numpy.typing import NDArray
from PIL import Image

from wsi_scale.errors import SlideError, WrongImageError
from wsi_scale.slide.base import WHITE, Slide
from wsi_scale.slide.metadata import audit_metadata
from wsi_scale.slide.read_plan import AS_STORED, Shrinking
from wsi_scale.slide.readers._files import (
    PARSER_ERRORS,
    is_file,
    stored_colour_px,
    what_it_said,
    write_example,
)
from wsi_scale.slide.readers._handles import Handle
from wsi_scale.slide.readers._levels import bounds_of, colour_of, pick_levels
from wsi_scale.slide.readers._raw_tiles import RawTiles
from wsi_scale.slide.readers._tiff_images import (
    described,
    is_known_vendor,
    note_on_others,
    pictures,
    planes_of,
)

NAME = "openslide"
LABEL = "OpenSlide"
ORDER = 10

_PIECE = 4096
"""OpenSlide splits wider reads itself, but rounds down where each piece begins."""

_LIBRARY_ERRORS = (openslide.OpenSlideError, OSError)
_PLAIN_TILES = ("aperio", "generic-tiff")
"""Vendors whose tiles lie side by side; those of others may overlap or be moved."""

_VENDORS = {"generic-tiff": "tiled TIFF", "dicom": "DICOM"}


def accepts(source: Any) -> bool:
    return is_file(source)


def open(source: Any) -> Slide:  # noqa: A001 - the name every reader has
    """Open a file with OpenSlide. Raises SlideError with OpenSlide's reason if it refuses."""
    return OpenSlideSlide(os.fspath(source))


def example(folder: Path) -> Path:
    return write_example(folder / "openslide.tiff", tiled=True)


class OpenSlideSlide(Slide):
    """A slide that OpenSlide reads."""

    reader = NAME

    def __init__(self, path: str) -> None:
        self.path = path
        opener = partial(openslide.OpenSlide, os.path.abspath(path))
        self._handle: Handle[openslide.OpenSlide] = Handle(opener, _close, path)
        try:
            file = self._handle.get()
            self.properties = dict(file.properties)
            sizes, self._downsamples = file.level_dimensions, file.level_downsamples
        except _LIBRARY_ERRORS as error:
            self._handle.close()
            if "No pyramid levels found" in str(error):  # of DICOM
                raise WrongImageError(
                    f"{path} and the files beside it hold no scan, only a label, overview or "
                    "thumbnail; open a file of the scan itself"
                ) from None
            raise SlideError(f"OpenSlide cannot open {path}: {what_it_said(error, path)}") from None
        if self.properties.get("openslide.vendor") == "generic-tiff":
            why_not, self.notes = _shown_wrongly(path, sizes[0])
            if why_not:
                self._handle.close()
                raise SlideError(f"OpenSlide cannot show {path}: {why_not}")
        self.levels, self._numbers = pick_levels(sizes, self._downsamples)
        self.colour_px = stored_colour_px(path)
        vendor = self.properties.get("openslide.vendor", "")
        self._raw = self._raw_tiles(path) if vendor in _PLAIN_TILES else None
        self.bounds = bounds_of(self.properties, "openslide", self.levels[0])
        self.background = colour_of(self.properties, "openslide.background-color") or WHITE
        found = audit_metadata(self.properties, (self.levels[0].width, self.levels[0].height))
        self.mpp, self.mpp_source, self.objective_power, self.audit = found
        kind = _VENDORS.get(vendor, vendor.replace("-", " ").capitalize())
        self.reader_reason = f"OpenSlide reads this {kind} file"
        if self._raw is not None:
            self.reader_reason += f", and its {self._raw.name} tiles are decoded without it"

    def _raw_tiles(self, path: str) -> RawTiles | None:
        """The tiles that can be decoded without OpenSlide and look the same."""
        raw = RawTiles(path, self.levels)
        if raw.name:
            try:
                raw.keep_same(self._read_whole, [level.downsample for level in self.levels])
            except SlideError:  # told when the slide is read there
                raw.close()
                return None
        if raw.name:
            return raw
        raw.close()
        return None

    @property
    def shrinking(self) -> Shrinking:
        """Smaller sizes at which all levels can be decoded."""
        return AS_STORED if self._raw is None else self._raw.shrinking

    def read_shrunk(
        self, level: int, x: int, y: int, width: int, height: int, shrink: int
    ) -> NDArray[np.uint8]:
        """A window at one of the sizes of ``shrinking``."""
        if self._raw is not None:
            left, top, wide, high = (side // shrink for side in (x, y, width, height))
            found = self._raw.read(level, left, top, wide, high, shrink)
            if found is not None:
                return found
        return super().read_shrunk(level, x, y, width, height, shrink)

    def _read(self, level: int, x: int, y: int, width: int, height: int) -> NDArray[np.uint8]:
        found = None if self._raw is None else self._raw.read(level, x, y, width, height)
        return self._read_whole(level, x, y, width, height) if found is None else found

    def _read_whole(self, level: int, x: int, y: int, width: int, height: int) -> NDArray[np.uint8]:
        """By OpenSlide itself."""
        if max(width, height) <= _PIECE:
            return _covered(self._read_piece(level, x, y, width, height), self.background)
        out = np.empty((height, width, 3), np.uint8)
        for left, right in _pieces(x, width):
            for top, bottom in _pieces(y, height):
                rgba = self._read_piece(level, left, top, right - left, bottom - top)
                out[top - y : bottom - y, left - x : right - x] = _covered(rgba, self.background)
        return out

    def _read_piece(self, level: int, x: int, y: int, width: int, height: int) -> Image.Image:
        """RGBA pixels. A handle that failed once refuses every later read, so it is dropped.

        The second try uses a handle of its own. It fails only if the region itself is broken, and
        not because a broken region that another thread read has spoilt the shared handle.
        """
        downsample = self._downsamples[self._numbers[level]]
        location = (round(x * downsample), round(y * downsample))
        number, size = self._numbers[level], (width, height)
        file = None
        try:
            file = self._handle.get()
            return file.read_region(location, number, size)
        except _LIBRARY_ERRORS:
            if file is not None:
                self._handle.forget(file)
        try:
            with self._handle.another() as own:
                return own.read_region(location, number, size)
        except _LIBRARY_ERRORS as error:
            raise SlideError(
                f"{self.path} cannot be decoded at level {level}, x {x}, y {y}, "
                f"{width} × {height} px: {what_it_said(error, self.path)}"
            ) from None

    def close(self) -> None:
        self._handle.close()
        if self._raw is not None:
            self._raw.close()


def _close(file: openslide.OpenSlide) -> None:
    file.close()


def _shown_wrongly(path: str, size: tuple[int, int]) -> tuple[str, tuple[str, ...]]:
    """Why OpenSlide would not show a generic TIFF as it is, else empty; and a note on other images.

    It knows the first image only, and of that the first plane. libtiff's RGBA reader, which it
    uses, keeps the upper 8 of 16 bits, and misplaces rows of 16-bit grey at the right edge.
    """
    try:
        with tifffile.TiffFile(path) as tiff:
            page = tiff.pages.first
            if page.samplesperpixel == 1 and page.bitspersample == 16:
                return "it garbles the right edge of 16-bit grey tiles", ()
            if page.bitspersample > 8:
                return f"of {page.bitspersample} bits it keeps the upper 8", ()
            found = [] if is_known_vendor(tiff) else pictures(tiff)
            if not found:
                return "", ()
            if found[0].number or found[0].is_preview:
                return f"it reads the first image ({size[0]} × {size[1]} px), not {found[0]}", ()
            planes = planes_of(tiff.series[found[0].number], described(tiff, found[0]))
    except PARSER_ERRORS:
        return "", ()
    if planes is not None:
        return f"it reads the first of {planes.many} planes", ()
    return "", tuple(note_on_others(found[0], found[1:]) for _ in found[1:2])


def _pieces(start: int, length: int) -> Iterator[tuple[int, int]]:
    """Begin and end of each piece of a span that OpenSlide reads at once."""
    for number in range(math.ceil(length / _PIECE)):
        first = start + number * _PIECE
        yield first, min(first + _PIECE, start + length)


def _covered(rgba: Image.Image, background: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Pixels with at least half coverage in their own colour, the others in the background's.

    OpenSlide's alpha is coverage: 0 where the scanner left pixels out, a fraction along an edge
    that does not lie on whole pixels. The colour is not multiplied by alpha.
    """
    alpha, rgb = rgba.getchannel("A"), rgba.convert("RGB")  # five times faster than in NumPy
    if np.asarray(alpha).min() < 128:
        rgb.paste(background, mask=alpha.point(lambda value: 255 * (value < 128)))
    return np.asarray(rgb)
