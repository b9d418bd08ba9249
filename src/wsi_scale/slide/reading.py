"""Native reads of a slide, averaged while they are read where they are wide."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from wsi_scale.geometry import Level
from wsi_scale.slide.read_plan import LevelRead

_BAND_PX = 1 << 24  # level px held at once while a wide read is averaged


class Readable(Protocol):
    """Whatever has levels and gives their pixels, as every Slide does."""

    @property
    def levels(self) -> tuple[Level, ...]: ...

    def read(self, level: int, x: int, y: int, width: int, height: int) -> NDArray[np.uint8]: ...


def resample(
    pixels: NDArray[np.uint8], box: tuple[float, float, float, float], width: int, height: int
) -> NDArray[np.uint8]:
    """Resize a sub-pixel box (left, top, right, bottom) of pixels to (height, width, 3).

    Bicubic (a = −0.5), antialiased: when shrinking, the kernel widens with the ratio and takes
    pixels beyond the box where the array has them. Source: Pillow's ``Image.resize``.
    """
    image = Image.fromarray(pixels)
    return np.asarray(image.resize((width, height), Image.Resampling.BICUBIC, box=box))


def read_reduced(slide: Readable, read: LevelRead) -> NDArray[np.uint8]:
    """Execute one read, box-averaging ``read.reduce`` px into one band by band."""
    if read.reduce == 1:
        return slide.read(read.level, read.x, read.y, read.width, read.height)
    rows = max(1, _BAND_PX // (read.width * read.reduce)) * read.reduce
    bands = []
    for top in range(0, read.height, rows):
        height = min(rows, read.height - top)
        band = slide.read(read.level, read.x, read.y + top, read.width, height)
        bands.append(np.asarray(Image.fromarray(band).reduce(read.reduce)))
    return np.concatenate(bands)


def shrink_level(slide: Readable, width: int, height: int) -> NDArray[np.uint8]:
    """The whole canvas as (height, width, 3), from the coarsest level still at least that large."""
    fine_enough = [i for i, x in enumerate(slide.levels) if x.width >= width and x.height >= height]
    level = max(fine_enough, key=lambda i: slide.levels[i].downsample)
    have = slide.levels[level]
    ratio = min(have.width / width, have.height / height)
    reduce = 1
    while have.width * have.height / reduce**2 > _BAND_PX and ratio / (2 * reduce) >= 1:
        reduce *= 2
    pixels = read_reduced(slide, LevelRead(level, 0, 0, have.width, have.height, reduce, ()))
    # a last row or column that only partly fills its averaged pixel is real, so it is kept
    box = (0.0, 0.0, have.width / reduce, have.height / reduce)
    return resample(pixels, box, width, height)
