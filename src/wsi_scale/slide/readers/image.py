"""Plain images, read with Pillow: one level, decoded as a whole at the first read.

The decoded image stays as Pillow holds it, 1 to 4 bytes a pixel, and only what is asked for becomes
RGB.
"""

from __future__ import annotations

import logging
import os
import struct
import threading
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from wsi_scale.errors import SlideError
from wsi_scale.geometry import Box, Level
from wsi_scale.slide.at_once import check_at_once
from wsi_scale.slide.base import Slide
from wsi_scale.slide.metadata import audit_metadata
from wsi_scale.slide.readers._files import example_pixels, is_file, what_it_said
from wsi_scale.slide.readers._pixels import as_rgb

NAME = "image"
LABEL = "Pillow"
ORDER = 30

FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "JPEG2000", "WEBP", "PPM", "GIF")
_LIBRARY_ERRORS = (
    OSError,
    SyntaxError,  # Pillow's "not this format"
    ValueError,
    TypeError,
    RuntimeError,
    LookupError,
    EOFError,
    MemoryError,
    Image.DecompressionBombError,
    struct.error,
    zlib.error,
)
_RESOLUTION_TAGS = {282: "tiff.XResolution", 283: "tiff.YResolution", 296: "tiff.ResolutionUnit"}
_DESCRIPTION_TAG = 270
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
        self._image: Image.Image | None = None
        self._white = 255
        self._lock = threading.Lock()
        self._closed = False
        try:
            with _quiet(), _open_image(self._file) as image:
                width, height = image.size
                self.properties = _properties(image)
                kind = image.format
        except _LIBRARY_ERRORS as error:
            raise SlideError(f"Pillow cannot open {path}: {what_it_said(error, path)}") from None
        check_at_once(path, "the image", width, height)
        self.levels = (Level(width, height, 1.0),)
        self.bounds = Box(0, 0, width, height)
        found = audit_metadata(self.properties)
        self.mpp, self.mpp_source, self.objective_power, self.audit = found
        self.reader_reason = f"Pillow reads this {kind} image"

    def _read(self, level: int, x: int, y: int, width: int, height: int) -> NDArray[np.uint8]:
        with self._lock:
            try:
                whole = self._decoded()
                with _quiet() if width * height > _LARGE else nullcontext():
                    part = whole.crop((x, y, x + width, y + height))
                return _as_rgb(part, self.background, self._white)
            except _LIBRARY_ERRORS as error:
                said = what_it_said(error, self.path)
                raise SlideError(f"{self.path} cannot be decoded: {said}") from None

    def _decoded(self) -> Image.Image:
        """The whole image. Its white is found when it is decoded."""
        if self._closed:
            raise SlideError(f"{self.path} is closed; open it again")
        if self._image is None:
            with _quiet(), _open_image(self._file) as image:
                image.load()
                if _is_deep(image):
                    self._white = _white(float(np.asarray(image).max()))
                self._image = image
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
    """Whether the pixels are grey of more than 8 bits."""
    return image.mode in ("I", "F") or image.mode.startswith("I;16")


def _as_rgb(part: Image.Image, background: tuple[int, int, int], white: int) -> NDArray[np.uint8]:
    """Pixels of a part as (h, w, 3) uint8.

    Grey of more than 8 bits is scaled by its bit depth: the smallest of 8, 10, 12, 14 and 16 that
    holds the brightest pixel of the image, because microscopes store 12 bits in 16.
    """
    if _is_deep(part):
        return as_rgb(np.asarray(part), background, white=white)
    mode = "RGBA" if part.has_transparency_data else "RGB"
    return as_rgb(np.asarray(part.convert(mode)), background)


def _white(brightest: float) -> int:
    for bits in (8, 10, 12, 14, 16):
        if brightest < 1 << bits:
            return (1 << bits) - 1
    raise ValueError(f"its brightest pixel is {brightest:g}, more than 16 bits can hold")


def _properties(image: Image.Image) -> dict[str, str]:
    properties = {"image.format": str(image.format), "image.mode": image.mode}
    tags = getattr(image, "tag_v2", None)
    if tags is not None:
        for code, name in _RESOLUTION_TAGS.items():
            if code in tags:
                properties[name] = str(tags[code])
        properties.setdefault("tiff.ResolutionUnit", "2")  # the default of the TIFF standard
        if _DESCRIPTION_TAG in tags:
            properties["tiff.ImageDescription"] = str(tags[_DESCRIPTION_TAG])
    elif "dpi" in image.info:
        across, down = image.info["dpi"]
        properties |= {"image.dpi-x": str(float(across)), "image.dpi-y": str(float(down))}
    return properties
