"""Slides with known content: painted levels, discs of known radius, pyramid TIFFs on disk."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from wsi_scale.slide.base import Slide
from wsi_scale.slide.readers import open_slide

UNEVEN_SIZES = ((300, 250), (150, 125), (75, 62), (37, 31))
"""(width, height) of levels that are not square and whose ratios are not whole."""

PAINTS = ((200, 30, 40), (40, 180, 60), (50, 70, 210), (220, 200, 30), (150, 40, 190))
"""One colour per level; none is black or white, so padding and background never pass for it."""


def painted_levels(
    sizes: Sequence[tuple[int, int]] = UNEVEN_SIZES,
    colours: Sequence[tuple[int, int, int]] = PAINTS,
) -> list[NDArray[np.uint8]]:
    """One (h, w, 3) uint8 array per level, each a single colour: a pixel proves its level.

    sizes: (width, height) of each level, finest first, at most as many as colours.
    """
    levels = []
    for (width, height), colour in zip(sizes, colours[: len(sizes)], strict=True):
        level = np.empty((height, width, 3), np.uint8)
        level[:] = colour
        levels.append(level)
    return levels


def shrunk_levels(
    base: NDArray[np.uint8], downsamples: Sequence[float] = (1, 2, 4)
) -> list[NDArray[np.uint8]]:
    """The base image (h, w, 3) area-averaged by each factor; sides are rounded down."""
    height, width = base.shape[:2]
    levels = []
    for factor in downsamples:
        size = (max(1, int(width / factor)), max(1, int(height / factor)))
        small = Image.fromarray(base).resize(size, Image.Resampling.BOX)
        levels.append(base if factor == 1 else np.asarray(small))
    return levels


def disc_image(
    radius: float, *, width: int = 600, height: int = 500, spacing: int = 100
) -> NDArray[np.uint8]:
    """Dark discs of one radius (px) on white, (height, width, 3) uint8.

    Centres lie at spacing / 2, 3 · spacing / 2, … in pixel-edge coordinates; edges are
    antialiased over one pixel.
    """
    y, x = np.mgrid[:height, :width] + 0.5
    across, down = x % spacing - spacing / 2, y % spacing - spacing / 2
    inside = np.clip(radius + 0.5 - np.hypot(across, down), 0, 1)
    grey = np.rint(255 - 195 * inside).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def slide_in_memory(levels: Any = None, *, mpp: float | tuple[float, float] | None = None) -> Slide:
    """An open slide without a file.

    levels: an (h, w, 3) uint8 array, or a list of them, finest first; by default discs of
    radius 20 px on 600 × 500 px at three levels.
    """
    return open_slide(shrunk_levels(disc_image(20)) if levels is None else levels, mpp=mpp)


def write_pyramid_tiff(
    path: str | os.PathLike[str],
    levels: NDArray[np.uint8] | Sequence[NDArray[np.uint8]],
    *,
    downsamples: Sequence[float] = (1, 2, 4),
    mpp: float | tuple[float, float] | None = None,
    compression: str | None = "zlib",
) -> Path:
    """Write a tiled pyramid TIFF that OpenSlide and TiffSlide both read; returns its path.

    levels: (h, w, 3) uint8 arrays, finest first, written as they are; or one array, which is
        shrunk by ``downsamples``. TiffSlide takes only levels that shrink by 2, 3 or 4 (rounded),
        the same at every step: 1, 4, 16, not 1, 4, 8.
    mpp: µm per level-0 px, one number or (x, y); no resolution is written when None.
    compression: of tifffile, e.g. ``"zlib"`` (exact), ``"jpeg"`` (small), None.
    """
    import tifffile

    arrays = shrunk_levels(levels, downsamples) if isinstance(levels, np.ndarray) else levels
    width = arrays[0].shape[1]
    with tifffile.TiffWriter(path) as tiff:
        for number, level in enumerate(arrays):
            tiff.write(
                level,
                tile=(256, 256),
                photometric="rgb",
                compression=compression,
                metadata=None,
                subfiletype=int(number > 0),
                **_resolution(mpp, width / level.shape[1]),
            )
    return Path(path)


def _resolution(mpp: float | tuple[float, float] | None, downsample: float) -> dict[str, Any]:
    """Resolution tags of one level. Without mpp: ratio 1 and no unit, as tifffile writes it."""
    if mpp is None:
        return {"resolution": (1, 1), "resolutionunit": "NONE"}
    x, y = mpp if isinstance(mpp, tuple) else (mpp, mpp)
    return {
        "resolution": (1e4 / (x * downsample), 1e4 / (y * downsample)),
        "resolutionunit": "CENTIMETER",
    }
