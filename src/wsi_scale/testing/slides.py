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
"""(width, height) of levels that are not square, with ratios that are not whole."""

PAINTS = ((200, 30, 40), (40, 180, 60), (50, 70, 210), (220, 200, 30), (150, 40, 190))
"""One colour per level. None is black or white, so padding and background look different."""


def painted_levels(
    sizes: Sequence[tuple[int, int]] = UNEVEN_SIZES,
    colours: Sequence[tuple[int, int, int]] = PAINTS,
) -> list[NDArray[np.uint8]]:
    """Levels that each have one colour, so that a pixel shows which level was read.

    Parameters
    ----------
    sizes : sequence of (int, int)
        (width, height) of each level, finest first; at most as many as there are colours.
    colours : sequence of (int, int, int)
        RGB of each level, 0 to 255.

    Returns
    -------
    list of numpy.ndarray
        One (h, w, 3) uint8 array per level.

    Examples
    --------
    >>> levels = painted_levels([(30, 20), (15, 10)])
    >>> [level.shape for level in levels], levels[1][0, 0].tolist()
    ([(20, 30, 3), (10, 15, 3)], [40, 180, 60])
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
    """Levels made from one image by averaging areas.

    Parameters
    ----------
    base : numpy.ndarray
        RGB, (h, w, 3) uint8.
    downsamples : sequence of float
        By how much each level is smaller than the image. Sides are rounded down.

    Returns
    -------
    list of numpy.ndarray
        One (h, w, 3) uint8 array per downsample.

    Examples
    --------
    >>> [level.shape for level in shrunk_levels(disc_image(20), (1, 4))]
    [(500, 600, 3), (125, 150, 3)]
    """
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
    """A picture of dark discs of one radius on white.

    Parameters
    ----------
    radius : float
        Radius of the discs, px.
    width, height : int
        Size of the picture, px.
    spacing : int
        Distance between centres, px. The first centre is at ``spacing / 2`` along both axes,
        counted from the edge of the picture.

    Returns
    -------
    numpy.ndarray
        RGB, (height, width, 3) uint8. Edges of discs are antialiased over one pixel.

    Examples
    --------
    >>> picture = disc_image(20)
    >>> picture.shape, int(picture[50, 50, 0]), int(picture[0, 0, 0])
    ((500, 600, 3), 60, 255)
    """
    y, x = np.mgrid[:height, :width] + 0.5
    across, down = x % spacing - spacing / 2, y % spacing - spacing / 2
    inside = np.clip(radius + 0.5 - np.hypot(across, down), 0, 1)
    grey = np.rint(255 - 195 * inside).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def slide_in_memory(levels: Any = None, *, mpp: float | tuple[float, float] | None = None) -> Slide:
    """An open slide without a file.

    Parameters
    ----------
    levels : numpy.ndarray or list of numpy.ndarray, optional
        (h, w, 3) uint8 arrays, finest first. Default: discs of radius 20 px on 600 × 500 px, in
        three levels.
    mpp : float or (float, float), optional
        µm per level-0 px, one number or (x, y).

    Returns
    -------
    Slide
        Use it in a ``with`` block, or call its ``close``.

    Examples
    --------
    >>> with slide_in_memory(mpp=0.5) as slide:
    ...     [level.downsample for level in slide.levels], slide.mpp
    ([1.0, 2.0, 4.0], (0.5, 0.5))
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
    """Path of a tiled pyramid TIFF, just written, that both OpenSlide and TiffSlide read.

    Parameters
    ----------
    path : str or path
        File to write.
    levels : numpy.ndarray or sequence of numpy.ndarray
        (h, w, 3) uint8 arrays, finest first, written as they are. Or one array, which is shrunk by
        ``downsamples``.
    downsamples : sequence of float
        Used for one array only. TiffSlide takes only levels that shrink by 2, 3 or 4 (rounded), by
        the same factor at every step: 1, 4, 16, but not 1, 4, 8.
    mpp : float or (float, float), optional
        µm per level-0 px, one number or (x, y). Without it no resolution is written.
    compression : str or None
        Name of a compression in tifffile, e.g. ``"zlib"`` (exact) or ``"jpeg"`` (small).

    Returns
    -------
    pathlib.Path
        ``path``.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from wsi_scale import open_slide
    >>> with TemporaryDirectory() as folder:
    ...     path = write_pyramid_tiff(f"{folder}/slide.tiff", disc_image(20), mpp=0.5)
    ...     with open_slide(path) as slide:
    ...         [level.downsample for level in slide.levels]
    [1.0, 2.0, 4.0]
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
    """Resolution tags of one level. Without mpp they are a ratio of 1 without a unit."""
    if mpp is None:
        return {"resolution": (1, 1), "resolutionunit": "NONE"}
    x, y = mpp if isinstance(mpp, tuple) else (mpp, mpp)
    return {
        "resolution": (1e4 / (x * downsample), 1e4 / (y * downsample)),
        "resolutionunit": "CENTIMETER",
    }
