"""Plain images, read with Pillow: one level, decoded as a whole at the first read.

The decoded image stays as Pillow holds it, 1 to 4 bytes a pixel, and only what is asked for becomes
RGB.
"""

from __future__ import annotations

import logging
import os
import threading
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from wsi_scale.errors import SlideError
from wsi_scale.geometry import Box, Level
from wsi_scale.slide.at_once import check_at_once
from wsi_scale.slide.base import Slide
from wsi_scale.slide.metadata import audit_metadata
from wsi_scale.slide.readers._files import PARSER_ERRORS, example_pixels, is_file, what_it_said
from wsi_scale.slide.readers._pixels import as_rgb, largest_value, note_on_white, white_for
from wsi_scale.slide.readers._tiff_images import why_not_the_first_page

NAME = "image"
LABEL = "Pillow"
ORDER = 30

FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "JPEG2000", "WEBP", "PPM", "GIF")
DECODED_PX = 1 << 26
"""Images of more than 8 bits up to this size are decoded when they are opened, so that what is
taken for white can be noted."""

_LIBRARY_ERRORS = (
    *PARSER_ERRORS,
    SyntaxError,  # Pillow's "not this format"
    EOFError,
    Image.DecompressionBombError,
    zlib.error,
)
_RESOLUTION_TAGS = {282: "tiff.XResolution", 283: "tiff.YResolution", 296: "tiff.ResolutionUnit"}
_DESCRIPTION_TAG = 270
_BITS_TAG = 258
_LARGE = 1 << 26  # px; Pillow warns of larger parts
_PILLOW_LOCK = threading.Lock()

# Pillow logs what it also raises; without any handler Python would print it to stderr
logging.getLogger("PIL").addHandler(logging.NullHandler())


def accepts(source: Any) -> bool:
    return is_file(source)


def open(source: Any) -> Slide:  # noqa: A001 - the name every reader has
    """Open a plain image. Raises SlideError for an unknown format or a huge image."""
    return ImageSlide(os.fspath(source))


def example(folder: Path) -> Path:
    path = folder / "image.png"
    Image.fromarray(example_pixels()).save(path)
    return path


class ImageSlide(Slide):
    """A plain image as a slide of one level. EXIF orientation is not applied."""

    reader = NAME

    def __init__(self, path: str) -> None:
        self.path = path
        self._file = os.path.abspath(path)
        self._image: Image.Image | NDArray[np.uint8] | None = None
        self._lock = threading.Lock()
        self._closed, self.notes = False, ()
        try:
            with _quiet(), _open_image(self._file) as image:
                width, height = image.size
                self.properties = _properties(image)
                kind = image.format
                deep = _is_deep(image)
        except _LIBRARY_ERRORS as error:
            raise SlideError(f"Pillow cannot open {path}: {what_it_said(error, path)}") from None
        why_not = why_not_the_first_page(self._file) if kind == "TIFF" else None
        if why_not:
            raise SlideError(f"Pillow cannot show {path}: {why_not}")
        check_at_once(path, "the image", width, height)
        self.levels = (Level(width, height, 1.0),)
        self.bounds = Box(0, 0, width, height)
        found = audit_metadata(self.properties, (self.levels[0].width, self.levels[0].height))
        self.mpp, self.mpp_source, self.objective_power, self.audit = found
        self.reader_reason = f"Pillow reads this {kind} image"
        if deep and width * height <= DECODED_PX:
            self._decoded()  # only its pixels show which value is white

    def _read(self, level: int, x: int, y: int, width: int, height: int) -> NDArray[np.uint8]:
        with self._lock:
            whole = self._decoded()
            if isinstance(whole, np.ndarray):
                return whole[y : y + height, x : x + width].copy()
            try:
                limit = min(_LARGE, Image.MAX_IMAGE_PIXELS or _LARGE)
                with _quiet() if width * height > limit else nullcontext():
                    part = whole.crop((x, y, x + width, y + height))
                mode = "RGBA" if part.has_transparency_data else "RGB"
                return as_rgb(np.asarray(part.convert(mode)), self.background)
            except _LIBRARY_ERRORS as error:
                said = what_it_said(error, self.path)
                raise SlideError(f"{self.path} cannot be decoded: {said}") from None

    def _decoded(self) -> Image.Image | NDArray[np.uint8]:
        """The whole image; as 8-bit colours if its samples have more bits."""
        if self._closed:
            raise SlideError(f"{self.path} is closed; open it again")
        if self._image is None:
            try:
                with _quiet(), _open_image(self._file) as image:
                    if _is_deep(image):
                        self._image, self.notes = _decode_deep(image, self._file, self.background)
                    else:
                        image.load()
                        self._image = image
            except _LIBRARY_ERRORS as error:
                said = what_it_said(error, self.path)
                raise SlideError(f"{self.path} cannot be decoded: {said}") from None
        return self._image

    def close(self) -> None:
        self._closed = True
        self._image = None

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in self.__dict__.items() if k not in ("_image", "_lock")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _image=None, _lock=threading.Lock())


@contextmanager
def _quiet() -> Iterator[None]:
    """Switch off Pillow's size limit and its warnings.

    Pillow warns at 89 Mpx and refuses 179 Mpx, but slides saved as plain images are larger. It also
    warns about corrupt EXIF blocks; whatever matters raises an error too. Both settings are global
    in Pillow, so they are changed under a lock and restored.
    """
    with _PILLOW_LOCK, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = limit


def _open_image(path: str) -> Image.Image:
    """The open image. For a format not in FORMATS, an error in plain words instead of Pillow's."""
    try:
        return Image.open(path, formats=FORMATS)
    except UnidentifiedImageError:
        known = ", ".join(FORMATS[:-1])
        raise ValueError(f"neither {known} nor {FORMATS[-1]}") from None


def _is_deep(image: Image.Image) -> bool:
    """Whether samples have more than 8 bits."""
    is_grey = image.mode in ("I", "F") or image.mode.startswith("I;16")
    return is_grey or _is_deep_colour(image)


def _is_deep_colour(image: Image.Image) -> bool:
    """Whether it holds 16-bit colours, of which Pillow keeps the upper 8 bits, or garbles them."""
    if image.mode not in ("RGB", "RGBA", "LA"):
        return False
    if image.format == "JPEG2000":
        return _bits_of_jpeg2000(str(image.filename)) > 8  # type: ignore[attr-defined]
    bits = image.tag_v2.get(_BITS_TAG, (8,)) if image.format == "TIFF" else (8,)  # type: ignore[attr-defined]
    first = [str(tile[3]) for tile in getattr(image, "tile", [])[:1]]
    return max(bits) > 8 or (image.format == "PNG" and "16" in "".join(first))


def _bits_of_jpeg2000(path: str) -> int:
    """Bits per sample of the first component: the byte Ssiz of the codestream's first marker."""
    with Path(path).open("rb") as file:
        head = file.read(1 << 16)
    at = head.find(b"\xff\x4f\xff\x51")
    return (head[at + 42] & 0x7F) + 1 if 0 <= at < len(head) - 42 else 8


def _deep_colours(path: str, kind: str | None) -> NDArray[Any]:
    """The samples of a PNG, JPEG 2000 or TIFF with all their bits, (h, w, channels)."""
    import imagecodecs

    if kind == "TIFF":
        with tifffile.TiffFile(path) as tiff:
            series = tiff.series[0]
            pixels = tiff.pages.first.asarray()
            return np.moveaxis(pixels, 0, 2) if series.axes.startswith("S") else pixels
    decode = imagecodecs.png_decode if kind == "PNG" else imagecodecs.jpeg2k_decode
    pixels = decode(Path(path).read_bytes())
    two = pixels.ndim == 3 and pixels.shape[2] == 2  # grey and alpha
    return np.asarray(pixels[..., [0, 0, 0, 1]] if two else pixels)


def _decode_deep(
    image: Image.Image, path: str, background: tuple[int, int, int]
) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    """All pixels as (h, w, 3) uint8, and a note if white is not the largest value of the samples.

    They are scaled by their depth: the smallest of 8, 10, 12, 14 and 16 bits that holds the
    brightest pixel, because microscopes store 12 bits in 16.
    """
    is_colour = _is_deep_colour(image)
    deep = _deep_colours(path, image.format) if is_colour else np.asarray(image)
    brightest = largest_value(deep)
    white = white_for(brightest)
    note = () if white == 65535 else (note_on_white(brightest, white),)
    return as_rgb(deep, background, white=white), note


def _properties(image: Image.Image) -> dict[str, str]:
    properties = {"image.format": str(image.format), "image.mode": image.mode}
    tags = getattr(image, "tag_v2", None)
    if tags is not None:
        for code, name in _RESOLUTION_TAGS.items():
            if code in tags:
                properties[name] = str(tags[code])
        properties.setdefault("tiff.ResolutionUnit", "2")  # the default of the TIFF standard
        if _DESCRIPTION_TAG in tags:
            properties["tiff.ImageDescription"] = _as_utf8(str(tags[_DESCRIPTION_TAG]))
    elif "dpi" in image.info:
        across, down = image.info["dpi"]
        properties |= {"image.dpi-x": str(float(across)), "image.dpi-y": str(float(down))}
    return properties


def _as_utf8(text: str) -> str:
    """Text of a TIFF tag, which Pillow reads as Latin-1, as UTF-8 where it is that."""
    try:
        return text.encode("latin-1").decode()
    except UnicodeError:
        return text
