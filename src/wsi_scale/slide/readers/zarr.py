"""OME-Zarr images (OME-NGFF 0.1 to 0.5, zarr v2 and v3): folders, and zip files of them."""

from __future__ import annotations

import math
import os
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import zarr
from numpy.typing import NDArray

from wsi_scale.errors import SlideError
from wsi_scale.geometry import Box, Level
from wsi_scale.slide.base import Slide
from wsi_scale.slide.metadata import audit_metadata
from wsi_scale.slide.readers._files import example_pixels, is_file, what_it_said
from wsi_scale.slide.readers._handles import Handle
from wsi_scale.slide.readers._levels import pick_levels
from wsi_scale.slide.readers._ngff import Multiscale
from wsi_scale.slide.readers._pixels import (
    as_rgb,
    colour_order,
    largest_value,
    note_on_white,
    white_for,
)
from wsi_scale.slide.readers._zarr_images import (
    FORMATS,
    ZARR_ERRORS,
    Store,
    ZarrFile,
    close_store,
    find_image,
    join,
)

NAME = "zarr"
LABEL = "zarr"
ORDER = 8

_SEARCHED_PX = 4096
"""Side of the window in which the largest value is searched."""

_ZIPS = (".zip", ".ozx")

MOST_CHUNK = 1 << 29
"""Largest chunk, bytes: half a GiB."""


def accepts(source: Any) -> bool:
    if is_file(source):
        return os.fspath(source).lower().endswith(_ZIPS) and zipfile.is_zipfile(source)
    if not isinstance(source, str | os.PathLike) or not os.path.isdir(source):
        return False
    path = Path(source)
    return path.suffix.lower() == ".zarr" or any(os.path.isfile(path / name) for name in FORMATS)


def open(source: Any) -> Slide:  # noqa: A001 - the name every reader has
    """Open the one image of an OME-Zarr. Raises SlideError for other zarrs or several images."""
    return ZarrSlide(os.fspath(source))


def example(folder: Path) -> Path:
    path, pixels = folder / "example.ome.zarr", np.moveaxis(example_pixels(), 2, 0)
    group = zarr.open_group(path, mode="w", zarr_format=3)
    datasets: list[Any] = []
    for number, step in enumerate((1, 2)):
        level = pixels[:, ::step, ::step]
        array = group.create_array(
            str(number), shape=level.shape, chunks=(1, 64, 64), dtype="uint8"
        )
        array[:] = level
        scale = [{"type": "scale", "scale": [1, 0.5 * step, 0.5 * step]}]
        datasets.append({"path": str(number), "coordinateTransformations": scale})
    axes: list[Any] = [{"name": "c", "type": "channel"}]
    axes += [{"name": name, "type": "space", "unit": "micrometer"} for name in "yx"]
    group.attrs["ome"] = {"version": "0.5", "multiscales": [{"axes": axes, "datasets": datasets}]}
    return path


class ZarrSlide(Slide):
    """The one image of an OME-Zarr, at its first time point and its middle plane."""

    reader = NAME

    def __init__(self, path: str) -> None:
        self.path = path
        self._file = os.path.abspath(path)
        try:
            place, inside, image, channels = find_image(path)
            names = [dataset.path for dataset in image.datasets]
            opener = partial(_open_levels, place, [join(inside, name) for name in names])
            self._handle: Handle[_Opened] = Handle(opener, _close, path)
            shapes = _shapes(self._handle.get().arrays, image)
            self._order = _colours(channels, shapes[0])
        except ZARR_ERRORS as error:
            self.close()
            said = what_it_said(error, self._file)
            raise SlideError(f"zarr cannot open {path}: {said}") from None
        self._axes = image.letters
        self.levels, self._numbers = _whole_levels(image, shapes)
        self._white, self.notes = (255, ()) if shapes[0].bits == 8 else self._find_white()
        self.bounds = Box(0, 0, self.levels[0].width, self.levels[0].height)
        self.properties = {"ome-zarr.version": image.version, "ome-zarr.axes": self._axes}
        self.properties |= ({"ome-zarr.image": inside} if inside else {}) | image.resolution()
        found = audit_metadata(self.properties)
        self.mpp, self.mpp_source, self.objective_power, self.audit = found
        self.reader_reason = ", ".join(
            [f"zarr reads this OME-Zarr {image.version}", *_choices(inside, shapes[0])]
        )

    def _find_white(self) -> tuple[int, tuple[str, ...]]:
        """The value of 16 bits that is white by the largest one of the coarsest level, and a note.

        Of a large level a window in the middle is taken.
        """
        last, level = len(self.levels) - 1, self.levels[-1]
        width, height = min(level.width, _SEARCHED_PX), min(level.height, _SEARCHED_PX)
        corner = ((level.width - width) // 2, (level.height - height) // 2)
        try:
            highest = largest_value(self._values(last, *corner, width, height))
        except SlideError:  # told when it is read
            return 65535, ()
        white = white_for(highest)
        return white, () if white == 65535 else (note_on_white(highest, white),)

    def _read(self, level: int, x: int, y: int, width: int, height: int) -> NDArray[np.uint8]:
        pixels = self._values(level, x, y, width, height)
        return as_rgb(pixels, self.background, white=self._white)

    def _values(self, level: int, x: int, y: int, width: int, height: int) -> NDArray[Any]:
        """Values of a window as stored, (height, width) or (height, width, channels)."""
        window: dict[str, Any] = {
            "t": 0,
            "c": slice(None),
            "y": slice(y, y + height),
            "x": slice(x, x + width),
        }
        try:
            array = self._handle.get().arrays[self._numbers[level]]
            middle = {axis: size // 2 for axis, size in zip(self._axes, array.shape, strict=True)}
            picked = np.asarray(array[tuple(window.get(a, middle[a]) for a in self._axes)])
        except ZARR_ERRORS as error:
            raise SlideError(
                f"{self.path} cannot be decoded at level {level}, x {x}, y {y}, "
                f"{width} × {height} px: {what_it_said(error, self._file)}"
            ) from None
        left = [axis for axis in self._axes if axis in "yxc"]
        pixels = picked.transpose([left.index(axis) for axis in "yxc" if axis in left])
        return pixels if self._order is None else pixels[..., list(self._order)]

    def close(self) -> None:
        if hasattr(self, "_handle"):
            self._handle.close()


class _Opened(NamedTuple):
    store: Store
    arrays: list[zarr.Array[Any]]


class _Shape(NamedTuple):
    """Size of a level's array along each axis, and bits per value."""

    sizes: Mapping[str, int]
    bits: int


def _close(opened: _Opened) -> None:
    close_store(opened.store)


def _open_levels(place: ZarrFile, paths: Sequence[str]) -> _Opened:
    """The arrays of the levels. Raises ValueError if one is missing."""
    store = place.store()
    arrays = []
    for path in paths:
        try:
            arrays.append(
                zarr.open_array(
                    store,
                    path=join(place.root, path),
                    mode="r",
                    zarr_format=place.zarr_format,
                )
            )
        except FileNotFoundError:
            close_store(store)
            raise ValueError(f"its level {path} is missing; copy it again") from None
        except BaseException:
            close_store(store)
            raise
    return _Opened(store, arrays)


def _shapes(arrays: Sequence[zarr.Array[Any]], image: Multiscale) -> list[_Shape]:
    """Shapes of the levels. Raises ValueError unless they are grey or RGB and finest first."""
    axes, shapes = image.letters, []
    for array, dataset in zip(arrays, image.datasets, strict=True):
        if array.ndim != len(axes):
            raise ValueError(
                f"its level {dataset.path} has {array.ndim} dimensions, but its metadata name "
                f"{len(axes)}"
            )
        if 0 in array.shape:
            raise ValueError(f"its level {dataset.path} has no pixels")
        whole = array.shards or array.chunks
        if math.prod(whole) * np.dtype(array.dtype).itemsize > MOST_CHUNK:
            raise ValueError(f"its level {dataset.path} has chunks of {whole}, too large to read")
        sizes, dtype = dict(zip(axes, array.shape, strict=True)), np.dtype(array.dtype)
        channels = sizes.get("c", 1)
        if channels not in (1, 3, 4):
            raise ValueError(
                f"it has {channels} channels, neither grey nor RGB; choose the channels to use "
                "and pass them as arrays (H, W, 3)"
            )
        if dtype.kind != "u" or dtype.itemsize > 2 or (channels == 1 and dtype.itemsize > 1):
            colour = "RGB of 8 or 16 bits" if channels > 1 else "grey of 8 bits"
            raise ValueError(
                f"its pixels are {dtype.name}, not {colour}; scale it to 0–255 yourself, "
                "because only you know which value is white"
            )
        shapes.append(_Shape(sizes, 8 * dtype.itemsize))
        if shapes[0].bits != shapes[-1].bits or shapes[0].sizes.get("c") != sizes.get("c"):
            raise ValueError(
                f"its level {dataset.path} differs from its finest level in bits or channels"
            )
        if any(sizes[axis] > shapes[0].sizes[axis] for axis in "yx"):
            raise ValueError(
                f"its level {dataset.path} is larger than the first; levels must come finest first"
            )
    return shapes


def _colours(names: Sequence[str], shape: _Shape) -> tuple[int, int, int] | None:
    """Which channels are red, green and blue, if their names say so; None: the first three.

    Raises ValueError if the channels have other names.
    """
    if len(names) != shape.sizes.get("c", 1) or len(names) != 3:
        return None
    order = colour_order(names)
    if order is None:
        raise ValueError(
            f"its channels are {', '.join(names)}, not red, green and blue; choose the channels "
            "to use and pass them as arrays (H, W, 3)"
        )
    return order


def _whole_levels(
    image: Multiscale, shapes: Sequence[_Shape]
) -> tuple[tuple[Level, ...], tuple[int, ...]]:
    """The levels that show the whole image, and their numbers in the file.

    A downsample is the mean of the width ratio and the height ratio. A level whose corner is more
    than one of its pixels away from the corner of level 0 shows only a part, and is left out.
    """
    sizes = [(shape.sizes["x"], shape.sizes["y"]) for shape in shapes]
    width, height = sizes[0]
    downsamples = [(width / w + height / h) / 2 for w, h in sizes]
    whole = [i for i, d in enumerate(downsamples) if image.shift(i, d) <= 1]
    levels, picked = pick_levels([sizes[i] for i in whole], [downsamples[i] for i in whole])
    return levels, tuple(whole[i] for i in picked)


def _choices(inside: str, shape: _Shape) -> Iterator[str]:
    """What was chosen from a file with more than one flat image, in words."""
    if inside:
        yield f"its only image {inside}"
    if (times := shape.sizes.get("t", 1)) > 1:
        yield f"the first of its {times} time points"
    if (planes := shape.sizes.get("z", 1)) > 1:
        yield f"z {planes // 2}, the middle of its {planes} planes"
