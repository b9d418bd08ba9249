"""An open slide as lazy levels: arrays that read a window when it is shown."""

from __future__ import annotations

import weakref
from typing import Any

import dask.array as da
import numpy as np
from numpy.typing import NDArray

from wsi_scale.slide.base import Slide

CHUNK_PX = 512


class LevelArray:
    """One level of a slide, (H, W, 3) uint8, sliced like an array. Keeps its slide open."""

    def __init__(self, slide: Slide, level: int) -> None:
        self._slide, self._level = slide, level
        size = slide.levels[level]
        self.shape = (size.height, size.width, 3)
        self.dtype = np.dtype(np.uint8)
        self.ndim = 3

    def __getitem__(self, key: Any) -> NDArray[np.uint8]:
        """Pixels of a window given by three slices."""
        (top, bottom, _), (left, right, _) = (
            part.indices(extent) for part, extent in zip(key[:2], self.shape[:2], strict=True)
        )
        shape = (max(0, bottom - top), max(0, right - left))
        if 0 in shape:  # dask reads an empty window to learn the type
            return np.empty((*shape, 3), np.uint8)[:, :, key[2]]
        return self._slide.read(self._level, left, top, shape[1], shape[0])[:, :, key[2]]


def lazy_levels(slide: Slide) -> list[Any]:
    """One dask array per level, finest first. The slide closes when the last of them is deleted."""
    arrays = [LevelArray(slide, number) for number in range(len(slide.levels))]
    users = [len(arrays)]

    def leave() -> None:
        users[0] -= 1
        if users[0] == 0:
            slide.close()

    for array in arrays:
        weakref.finalize(array, leave)
    return [
        da.from_array(  # type: ignore[no-untyped-call]
            array,
            chunks=(min(CHUNK_PX, array.shape[0]), min(CHUNK_PX, array.shape[1]), 3),
            name=False,
            asarray=False,
            meta=np.empty((0, 0, 0), np.uint8),
        )
        for array in arrays
    ]
