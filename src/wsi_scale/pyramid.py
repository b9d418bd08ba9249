"""Executes a read plan and resamples: the only place where pixels change size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from wsi_scale.geometry import LevelRead, ScaleGrid, Site, plan_reads
from wsi_scale.resampling import cut_windows

if TYPE_CHECKING:
    from wsi_scale.slide import Slide

RESAMPLING = "bicubic-antialiased-of-bicubic-halves"
"""Name of the resampling in provenance; changes whenever the numbers would."""

_BAND_PX = 1 << 24  # level px held at once while a wide read is averaged


@dataclass(frozen=True)
class Pyramid:
    """Patches of one site at rising scales."""

    site: Site
    grid: ScaleGrid
    indices: tuple[int, ...]
    """Grid positions of the patches; scales whose patch would leave the slide are absent."""
    patches: NDArray[np.uint8]
    """(K, size, size, 3) RGB, one per index, finest scale first."""
    upsampled: tuple[bool, ...]
    """True for patches below scale 1."""


def sample_pyramid(slide: Slide, site: Site, grid: ScaleGrid, *, size: int) -> Pyramid:
    """Cut the scale pyramid around one site from the slide's native levels.

    size: side of a patch in network px. Patches that would leave the slide are absent, never
    padded. Raises SlideError when a region cannot be decoded.
    """
    plan = plan_reads(slide.levels, site, grid, size, bounds=slide.bounds)
    windows = [window for read in plan.reads for window in read.windows]
    patches = np.empty((len(windows), 3, size, size), np.uint8)
    done = 0
    for read in plan.reads:
        these = patches[done : done + len(read.windows)]
        cut_windows(read_reduced(slide, read), read.windows, these)
        done += len(these)
    return Pyramid(
        site,
        grid,
        tuple(window.index for window in windows),
        patches.transpose(0, 2, 3, 1),
        tuple(window.upsampled for window in windows),
    )


def resample(
    pixels: NDArray[np.uint8], box: tuple[float, float, float, float], width: int, height: int
) -> NDArray[np.uint8]:
    """Resize a sub-pixel box (left, top, right, bottom) of pixels to (height, width, 3).

    Bicubic (a = −0.5), antialiased: when shrinking, the kernel widens with the ratio and takes
    pixels beyond the box where the array has them. Source: Pillow's ``Image.resize``.
    """
    image = Image.fromarray(pixels)
    return np.asarray(image.resize((width, height), Image.Resampling.BICUBIC, box=box))


def read_reduced(slide: Slide, read: LevelRead) -> NDArray[np.uint8]:
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


def shrink_level(slide: Slide, width: int, height: int) -> NDArray[np.uint8]:
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
