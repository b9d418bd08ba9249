"""Arrays as slides: numpy, dask, zarr, or anything else that slices like numpy. Read lazily."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wsi_scale.errors import SlideError
from wsi_scale.geometry import Box, Level
from wsi_scale.slide.base import Slide
from wsi_scale.slide.readers._files import example_pixels
from wsi_scale.slide.readers._levels import same_image
from wsi_scale.slide.readers._pixels import as_rgb

NAME = "array"
LABEL = "array"
ORDER = 5


def accepts(source: Any) -> bool:
    if isinstance(source, list | tuple):
        return len(source) > 0 and all(_is_array(item) for item in source)
    return _is_array(source)


def open(source: Any) -> Slide:  # noqa: A001 - the name every reader has
    """Wrap an array (H, W), (H, W, 3) or (H, W, 4) uint8, or a list of them, finest first."""
    return ArraySlide(list(source) if isinstance(source, list | tuple) else [source])


def example(folder: Path) -> list[NDArray[np.uint8]]:
    pixels = example_pixels()
    return [pixels, pixels[::2, ::2]]


class ArraySlide(Slide):
    """A slide made of arrays, one per level. Only the window that is read is computed."""

    reader = NAME

    def __init__(self, arrays: Sequence[Any]) -> None:
        for array in arrays:
            _check(array)
        self._arrays: list[Any] = list(arrays)
        sizes = [(int(a.shape[1]), int(a.shape[0])) for a in arrays]
        self.levels = _levels(sizes)
        width, height = sizes[0]
        self.path = f"array of {width} × {height} px"
        self.properties = {}
        self.bounds = Box(0, 0, width, height)
        kind = type(arrays[0]).__module__.split(".")[0]
        many = f"{len(arrays)} {kind} arrays" if len(arrays) > 1 else f"a {kind} array"
        self.reader_reason = f"the source is {many}"

    def _read(self, level: int, x: int, y: int, width: int, height: int) -> NDArray[np.uint8]:
        if not self._arrays:
            raise SlideError(f"{self.path} is closed; open it again")
        try:
            window = np.asarray(self._arrays[level][y : y + height, x : x + width])
        except (OSError, ValueError, RuntimeError, LookupError) as error:
            raise SlideError(
                f"{self.path} cannot be computed at level {level}, x {x}, y {y}, "
                f"{width} × {height} px: {error or type(error).__name__}"
            ) from error
        pixels = as_rgb(window, self.background)
        return pixels.copy() if np.shares_memory(pixels, window) else pixels

    def close(self) -> None:
        self._arrays = []


def _is_array(item: Any) -> bool:
    return all(hasattr(item, name) for name in ("shape", "dtype", "__getitem__"))


def _check(array: Any) -> None:
    shape = tuple(array.shape)
    if len(shape) == 3 and shape[0] in (3, 4) and shape[2] not in (3, 4):
        raise SlideError(
            f"an array of shape {shape} has its channels first; pass it as (H, W, {shape[0]}), "
            "for example with numpy.moveaxis(array, 0, -1)"
        )
    if len(shape) not in (2, 3) or (len(shape) == 3 and shape[2] not in (1, 3, 4)):
        raise SlideError(
            f"an array must have shape (H, W), (H, W, 3) or (H, W, 4) to be a slide, got {shape}"
        )
    if 0 in shape:
        raise SlideError(f"an array of shape {shape} has no pixels; pass one with pixels")
    if str(array.dtype) != "uint8":
        raise SlideError(
            f"an array must have dtype uint8 to be a slide, got {array.dtype}; "
            "scale it to 0–255 yourself, because only you know which value is white"
        )


def _levels(sizes: Sequence[tuple[int, int]]) -> tuple[Level, ...]:
    width, height = sizes[0]
    levels = [Level(width, height, 1.0)]
    for w, h in sizes[1:]:
        downsample = (width / w + height / h) / 2
        if downsample <= levels[-1].downsample:
            last = levels[-1]
            raise SlideError(
                f"levels must shrink, finest first, but {w} × {h} follows "
                f"{last.width} × {last.height}"
            )
        if not same_image(width, height, w, h):
            raise SlideError(
                f"a level of {w} × {h} px is not a smaller copy of {width} × {height} px; "
                "every level must show the whole image"
            )
        levels.append(Level(w, h, downsample))
    return tuple(levels)
