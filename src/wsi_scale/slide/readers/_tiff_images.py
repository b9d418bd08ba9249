"""Which image of a TIFF is the slide, whether its planes are colours, and which value is white."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

import tifffile
from numpy.typing import NDArray

from wsi_scale.errors import WrongImageError
from wsi_scale.slide.ome_xml import OmeImage, parse_ome
from wsi_scale.slide.readers._files import PARSER_ERRORS
from wsi_scale.slide.readers._pixels import (
    colour_order,
    have_names,
    largest_value,
    note_on_white,
    white_for,
)

if TYPE_CHECKING:
    import tiffslide

MOST_NAMED = 6
"""Most images that a note names."""

WHOLE_PX = 1 << 24
"""A level up to this size is read whole to find its largest value."""

GRID, PLACE_PX = 6, 256
"""Else so many places across and down, of so many pixels a side."""

_PREVIEWS = re.compile(
    r"(?<![a-z])(macro|label|thumbnail|overview|preview|map)(?![a-z])|(macro|label)image", re.I
)

_VENDORS = ("is_svs", "is_scn", "is_bif", "is_ndpi", "is_philips", "is_qpi")
"""Kinds of TIFF that tifffile and TiffSlide know; elsewhere the largest image is the slide."""


_NDPI_LENS = 65421
"""Hamamatsu's tag for the objective: −1 for the macro, −2 for the map."""


class TiffPicture(NamedTuple):
    """One image of a TIFF."""

    number: int
    """Its place among tifffile's series."""
    name: str
    width: int
    height: int

    @property
    def is_preview(self) -> bool:
        """Whether its name says that it is a macro, label, thumbnail or overview."""
        return bool(_PREVIEWS.search(self.name))

    def __str__(self) -> str:
        size = f"{self.width} × {self.height} px"
        return f"{self.name} ({size})" if self.name else f"one of {size}"


def is_known_vendor(tiff: tifffile.TiffFile) -> bool:
    """Whether the file's vendor says which image is the slide."""
    return any(getattr(tiff, name, False) for name in _VENDORS)


def pictures(tiff: tifffile.TiffFile) -> list[TiffPicture]:
    """The images of a file; the slide, which is the largest that is no preview, comes first."""
    found = list(_pictures(tiff))
    return sorted(found, key=lambda x: (x.is_preview, -x.width * x.height, x.number))


def _pictures(tiff: tifffile.TiffFile) -> Iterator[TiffPicture]:
    for index, series in enumerate(tiff.series):
        sizes = dict(zip(series.axes, series.shape, strict=True))
        is_level = index > 0 and series.keyframe.is_reduced  # of a pyramid of odd steps
        if {"X", "Y"} <= sizes.keys() and not is_level:
            name = "" if series.kind in ("uniform", "generic", "shaped") else series.name
            yield TiffPicture(index, name, int(sizes["X"]), int(sizes["Y"]))


def described(tiff: tifffile.TiffFile, picture: TiffPicture) -> OmeImage | None:
    """What OME-XML says about an image; None if it says nothing."""
    found = parse_ome(tiff.pages.first.description or "")
    fitting = [x for x in found.images if x.size == picture[2:]] if found else []
    named = [image for image in fitting if image.name == picture.name]
    return next(iter([*named, *fitting]), None)


def choose_image(tiff: tifffile.TiffFile) -> None:
    """Put the image that is the slide first among the file's series, where readers look for it.

    Raises WrongImageError, with a clause, if there are only previews, or planes of no colours.
    """
    if is_known_vendor(tiff):
        names = [series.name for series in tiff.series[:1]]
        lens = tiff.pages.first.tags.get(_NDPI_LENS)
        if lens is not None and isinstance(lens.value, float) and lens.value < 0:
            names = ["the macro or the map"]
        if any(_PREVIEWS.search(name) for name in names):
            raise WrongImageError(_only_previews(names))
        return
    found = pictures(tiff)
    if not found:
        return
    if found[0].is_preview:
        raise WrongImageError(_only_previews([str(x) for x in found]))
    slide = tiff.series[found[0].number]
    planes = planes_of(slide, described(tiff, found[0]))
    if planes is not None and planes.order is None:
        named = f" ({', '.join(planes.names)})" if planes.names else ""
        raise WrongImageError(
            f"holds {planes.many} grey planes{named}, {planes.why}; save the one to look at, or "
            "an RGB image of them, as a file of its own"
        )
    series = tiff.series
    order = getattr(series, "_series", series)  # a view of it since tifffile 2026.5.2
    order.insert(0, order.pop(found[0].number))


def why_not_the_first_page(path: str) -> str | None:
    """Why the first page of a TIFF, which is all that Pillow shows, is not the slide."""
    try:
        with tifffile.TiffFile(path) as tiff:
            if is_known_vendor(tiff):
                return "of this vendor's TIFF it would show the first page, slide or preview"
            found = pictures(tiff)
    except PARSER_ERRORS:
        return None
    if found and (found[0].number or found[0].is_preview):
        return f"it would show the first image, and not {found[0]}"
    return None


def _only_previews(names: list[str]) -> str:
    return (
        f"holds no slide but {' and '.join(names)}, a preview by its name; open the file with the "
        "scan, or rename the image if it is the scan"
    )


def note_on_others(slide: TiffPicture, others: list[TiffPicture]) -> str:
    """Which of a file's images is read, and which are not."""
    named = ", ".join(str(x) for x in others[:MOST_NAMED])
    more = f" and {len(others) - MOST_NAMED} more" if len(others) > MOST_NAMED else ""
    return f"of the file's {1 + len(others)} images {slide} is read, and not {named}{more}"


class Planes(NamedTuple):
    """The planes of an image whose colours do not lie side by side in each pixel."""

    many: int
    names: tuple[str, ...]
    order: tuple[int, int, int] | None
    """Which planes are red, green and blue; None if they are no colours."""
    why: str
    """Why they are taken for colours, or not."""


def planes_of(series: Any, ome: OmeImage | None) -> Planes | None:
    """The grey planes that an image is made of; None if there is one only, or pixels of colours.

    Three planes are red, green and blue if they are named so, or if they are channels of one image
    that have no names and no dyes.
    """
    sizes = dict(zip(series.axes, series.shape, strict=True))
    count = 1
    for axis, size in sizes.items():
        count *= size if axis not in "YXSZT" else 1
    if count < 2:
        return None
    channels = [] if ome is None else ome.channels
    names = tuple(x.name or "?" for x in channels)
    if len(channels) != count or not have_names([x.name for x in channels]):
        names = ()
    if names:
        order = colour_order(names)
        why = "not red, green and blue" if order is None else "as they are named"
        return Planes(count, names, order, why)
    if any(x.fluorescent for x in channels):
        return Planes(count, names, None, "of fluorescence")
    if count == 3 and series.kind in ("ome", "imagej") and series.axes == "CYX":
        return Planes(count, names, (0, 1, 2), "in their order, for they have no names")
    return Planes(count, names, None, "and nothing says that they are red, green and blue")


def stated_white(page: Any, ome: OmeImage | None) -> tuple[int, str] | None:
    """The value that is white, and where the file says so; None if it does not.

    An upper limit that is merely the largest of 16 bits says nothing.
    """
    if page.bitspersample < 16:
        return (1 << page.bitspersample) - 1, f"{page.bitspersample} bits per sample"
    bits = None if ome is None else ome.significant_bits
    if bits is not None and 8 <= bits < 16:
        return (1 << bits) - 1, f"{bits} significant bits"
    for name in ("MaxSampleValue", "SMaxSampleValue"):
        tag = page.tags.get(name)
        values = [] if tag is None else tag.value if isinstance(tag.value, tuple) else [tag.value]
        highest = max((x for x in values if isinstance(x, int | float)), default=0)
        if 255 <= highest < 65535:
            return white_for(highest), f"{name} {highest:g}"
    return None


def find_white(
    file: tiffslide.TiffSlide, page: Any, ome: OmeImage | None
) -> tuple[int, str | None]:
    """The value of 16 bits that is white, and a note unless it is the largest of 16 bits.

    It is what the file says, or else goes by the largest value that is found in the coarsest level
    and in places of the finest.
    """
    found = stated_white(page, ome)
    if found is not None:
        white, where = found
        return white, f"values up to {white} are scaled to 255, as the file says ({where})"
    highest = max((largest_value(pixels) for pixels in _samples(file)), default=65535.0)
    white = white_for(highest)
    if white == 65535:
        return white, None
    return white, note_on_white(highest, white)


def _samples(file: tiffslide.TiffSlide) -> Iterator[NDArray[Any]]:
    """Pixels of the coarsest level, and of a grid of places in the finest."""
    last = file.level_count - 1
    for level, most in ((last, WHOLE_PX), (0, 0)):
        width, height = file.level_dimensions[level]
        down = file.level_downsamples[level]
        if width * height <= most:
            windows = [(0, 0, width, height)]
        else:
            windows = [
                (int(width * x / GRID), int(height * y / GRID), PLACE_PX, PLACE_PX)
                for x in range(GRID)
                for y in range(GRID)
            ]
        for x, y, w, h in windows:
            place, size = (int(x * down), int(y * down)), (min(w, width - x), min(h, height - y))
            with suppress(*PARSER_ERRORS):  # a damaged place is told when it is read
                yield file.read_region(place, level, size, as_array=True)
