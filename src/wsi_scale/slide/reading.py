"""Native reads of a slide. Wide reads are averaged band by band, so that memory is bounded."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from wsi_scale.geometry import Level
from wsi_scale.slide.read_plan import LevelRead, averaged_px

_BAND_PX = 1 << 24  # level px held at once while a wide read is averaged


class Readable(Protocol):
    """Anything that has levels and returns their pixels, as every Slide does."""

    @property
    def levels(self) -> tuple[Level, ...]: ...

    def read(self, level: int, x: int, y: int, width: int, height: int) -> NDArray[np.uint8]: ...

    def read_shrunk(
        self, level: int, x: int, y: int, width: int, height: int, shrink: int
    ) -> NDArray[np.uint8]: ...


def resample(
    pixels: NDArray[np.uint8], box: tuple[float, float, float, float], width: int, height: int
) -> NDArray[np.uint8]:
    """A box (left, top, right, bottom; may be fractional) of an image, as (height, width, 3).

    Bicubic (a = −0.5) and antialiased: when shrinking, the kernel widens with the ratio. It uses
    pixels beyond the box if the image has them. Source: Pillow's ``Image.resize``.
    """
    image = Image.fromarray(pixels)
    return np.asarray(image.resize((width, height), Image.Resampling.BICUBIC, box=box))


def read_reduced(slide: Readable, read: LevelRead) -> NDArray[np.uint8]:
    """Pixels of one read, decoded at a smaller size if ``read.shrink`` is above 1.

    Squares of ``read.reduce`` decoded px are averaged into one, band by band.
    """
    if read.reduce == 1:
        return _read_at(slide, read, 0, read.height)
    unit = read.shrink * read.reduce
    rows = max(1, _BAND_PX * read.shrink**2 // (read.width * unit)) * unit
    bands = []
    for top in range(0, read.height, rows):
        band = _read_at(slide, read, top, min(rows, read.height - top))
        bands.append(np.asarray(Image.fromarray(band).reduce(read.reduce)))
    return np.concatenate(bands)


def _read_at(slide: Readable, read: LevelRead, top: int, height: int) -> NDArray[np.uint8]:
    """Rows of a read, as they are decoded. top, height: level px."""
    if read.shrink == 1:
        return slide.read(read.level, read.x, read.y + top, read.width, height)
    return slide.read_shrunk(read.level, read.x, read.y + top, read.width, height, read.shrink)


def whole_picture_reduction(area_px: float, ratio: float) -> int:
    """How many px to average into one while reading an area that becomes one small picture.

    area_px: in px of the level. ratio: px of the level per px of the picture.
    """
    return averaged_px(ratio, 1, lambda factor: area_px / factor**2 <= _BAND_PX)


def shrink_level(slide: Readable, width: int, height: int) -> NDArray[np.uint8]:
    """The whole canvas as (height, width, 3), from the coarsest level that is large enough."""
    fine_enough = [i for i, x in enumerate(slide.levels) if x.width >= width and x.height >= height]
    level = max(fine_enough, key=lambda i: slide.levels[i].downsample)
    have = slide.levels[level]
    ratio = min(have.width / width, have.height / height)
    reduce = whole_picture_reduction(have.width * have.height, ratio)
    pixels = read_reduced(slide, LevelRead(level, 0, 0, have.width, have.height, reduce, ()))
    # keep a last row or column that fills its averaged pixel only in part
    box = (0.0, 0.0, have.width / reduce, have.height / reduce)
    return resample(pixels, box, width, height)
