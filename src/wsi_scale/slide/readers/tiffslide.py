"""TIFFs that OpenSlide refuses: in strips, with SubIFDs, or with pages without a level flag."""

from __future__ import annotations

import logging
import math
import os
import threading
import warnings
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tiffslide
from numpy.typing import NDArray

from wsi_scale.errors import SlideError, WrongImageError
from wsi_scale.slide.base import Slide
from wsi_scale.slide.metadata import audit_metadata
from wsi_scale.slide.readers._files import (
    PARSER_ERRORS,
    is_file,
    stored_colour_px,
    what_it_said,
    write_example,
)
from wsi_scale.slide.readers._handles import Handle
from wsi_scale.slide.readers._levels import bounds_of, pick_levels
from wsi_scale.slide.readers._pixels import as_rgb
from wsi_scale.slide.readers._tiff_images import (
    choose_image,
    described,
    find_white,
    is_known_vendor,
    note_on_others,
    pictures,
    planes_of,
)

NAME = "tiffslide"
LABEL = "TiffSlide"
ORDER = 20

_TIFF_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

_COLOURS = ("RGB", "MINISBLACK", "YCBCR")
_UNCONVERTED = ("NONE", "LZW", "DEFLATE", "ADOBE_DEFLATE", "PACKBITS", "ZSTD", "LZMA")
_WARNINGS_LOCK = threading.Lock()

# tifffile logs what it also raises; without any handler Python would print it to stderr
logging.getLogger("tifffile").addHandler(logging.NullHandler())


def accepts(source: Any) -> bool:
    if not is_file(source):
        return False
    try:
        with Path(source).open("rb") as file:
            return file.read(4) in _TIFF_STARTS
    except OSError:
        return False


def open(source: Any) -> Slide:  # noqa: A001 - the name every reader has
    """Open a TIFF with TiffSlide. Raises SlideError if it refuses or cannot show the colours."""
    return TiffSlideSlide(os.fspath(source))


def example(folder: Path) -> Path:
    return write_example(folder / "stripped.tiff", tiled=False)


class TiffSlideSlide(Slide):
    """A slide that TiffSlide reads."""

    reader = NAME
    reader_reason = "TiffSlide reads this TIFF"

    def __init__(self, path: str) -> None:
        self.path = path
        opener = partial(_open_quietly, os.path.abspath(path))
        self._handle: Handle[tiffslide.TiffSlide] = Handle(opener, _close, path)
        try:
            file = self._handle.get()
            self.properties = _as_text(file.properties)
            sizes, self._downsamples = file.level_dimensions, file.level_downsamples
            refusal = _refusal(file)
            image = _image_of(file)
        except WrongImageError as error:
            self._handle.close()
            raise WrongImageError(f"{path} {error}") from None
        except PARSER_ERRORS as error:
            self._handle.close()
            raise SlideError(f"TiffSlide cannot open {path}: {what_it_said(error, path)}") from None
        if refusal:
            self._handle.close()
            raise SlideError(f"TiffSlide cannot show {path}: {refusal}")
        self._order, self._white, self.notes = image
        self.levels, self._numbers = pick_levels(sizes, self._downsamples)
        self.colour_px = stored_colour_px(path)
        self.bounds = bounds_of(self.properties, "tiffslide", self.levels[0])
        found = audit_metadata(self.properties, (self.levels[0].width, self.levels[0].height))
        self.mpp, self.mpp_source, self.objective_power, self.audit = found

    def _read(self, level: int, x: int, y: int, width: int, height: int) -> NDArray[np.uint8]:
        downsample = self._downsamples[self._numbers[level]]
        location = (_level0_location(x, downsample), _level0_location(y, downsample))
        try:
            file = self._handle.get()
            with self._handle.lock:
                pixels = file.read_region(
                    location, self._numbers[level], (width, height), as_array=True
                )
        except PARSER_ERRORS as error:
            raise SlideError(
                f"{self.path} cannot be decoded at level {level}, x {x}, y {y}, "
                f"{width} × {height} px: {what_it_said(error, self.path)}"
            ) from None
        if self._order is not None:
            pixels = pixels[..., self._order]
        return as_rgb(pixels, self.background, white=self._white)

    def close(self) -> None:
        self._handle.close()


def _open_quietly(path: str) -> tiffslide.TiffSlide:
    """Open the file and parse its properties, without warnings about partly supported vendors."""
    with _WARNINGS_LOCK, warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*metadata parsing", category=UserWarning)
        file = tiffslide.TiffSlide(path)
        try:
            choose_image(file.ts_tifffile)
            _describe(file)
            _fill_gaps_with_white(file)
        except BaseException:
            file.close()
            raise
        return file


def _describe(file: tiffslide.TiffSlide) -> None:
    """Take the description from the page that is shown; that of OME is about all images."""
    page, tiff = file.ts_tifffile.series[0].keyframe, file.ts_tifffile
    if page.index and not tiff.is_ome and not is_known_vendor(tiff):
        file.properties["tiff.ImageDescription"] = page.description


def _fill_gaps_with_white(file: tiffslide.TiffSlide) -> None:
    """Make tiles that the scanner left out white; tifffile would make them black."""
    for level in file.ts_tifffile.series[file.properties["tiffslide.series-index"]].levels:
        level.keyframe.nodata = 65535 if level.dtype == np.uint16 else 255


def _close(file: tiffslide.TiffSlide) -> None:
    file.close()


def _refusal(file: tiffslide.TiffSlide) -> str | None:
    """Why the stored values are not grey or RGB colours; None if they are."""
    series = file.ts_tifffile.series[file.properties["tiffslide.series-index"]]
    page = series.levels[0].keyframe
    colours, packing = page.photometric.name, page.compression
    packing = getattr(packing, "name", str(packing))
    if colours not in _COLOURS or (colours == "YCBCR" and packing in _UNCONVERTED):
        return f"its colours are stored as {colours} with {packing} compression"
    if page.dtype is None or page.dtype not in (np.uint8, np.uint16):
        return f"its pixels are {page.dtype}, not 8 or 16 bits"
    channels = series.shape[series.axes.find("S" if "S" in series.axes else "C")]
    if series.axes != "YX" and channels not in (1, 3, 4):
        return f"it has {channels} channels, neither grey nor RGB"
    return None


class _Image(NamedTuple):
    """How the values of the image become colours."""

    order: list[int] | None
    """Which planes are red, green and blue; None if each pixel holds its colours."""
    white: int
    notes: tuple[str, ...]


def _image_of(file: tiffslide.TiffSlide) -> _Image:
    """Planes, white and notes of the image that was chosen to be the first."""
    tiff = file.ts_tifffile
    series = tiff.series[file.properties["tiffslide.series-index"]]
    if is_known_vendor(tiff):
        return _Image(None, 65535 if series.dtype == np.uint16 else 255, ())
    slide, *others = pictures(tiff)
    notes = [note_on_others(slide, others)] if others else []
    ome = described(tiff, slide)
    planes = planes_of(series, ome)
    if planes is not None:
        notes.append(
            f"the file's {planes.many} planes are read as red, green and blue, {planes.why}"
        )
    white, note = 255, None
    if series.dtype == np.uint16:
        white, note = find_white(file, series.levels[0].keyframe, ome)
    order = None if planes is None or planes.order is None else list(planes.order)
    return _Image(order, white, (*notes, *filter(None, [note])))


def _level0_location(pixel: int, downsample: float) -> int:
    """The level-0 location that TiffSlide's ``int(location / downsample)`` turns into ``pixel``.

    >>> _level0_location(3, 4.0041)
    13
    >>> _level0_location(8, 1.0000000001)  # int(8 / 1.0000000001) is 7
    9
    """
    location = math.ceil(pixel * downsample - 1e-6)
    while int(location / downsample) < pixel:
        location += 1
    return location


def _as_text(properties: Mapping[str, Any]) -> dict[str, str]:
    return {
        name: str(value)
        for name, value in properties.items()
        if value is not None and isinstance(value, str | int | float)
    }
