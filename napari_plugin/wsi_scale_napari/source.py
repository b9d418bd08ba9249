"""The slide behind a layer: its file if we can read it, else its arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from wsi_scale.errors import SlideError, WsiScaleError
from wsi_scale.render.describe import slide_doubts, slide_line
from wsi_scale.slide.base import Slide
from wsi_scale.slide.readers import open_slide
from wsi_scale_napari.reader import SOURCE, lasting

if TYPE_CHECKING:
    from napari.layers import Image

Pair = tuple[float, float]


@dataclass(frozen=True)
class Source:
    """What a run opens. Holds no open file, so that a thread can open its own."""

    what: Any
    """A path, or a list of arrays, finest first."""
    mpp: Pair | None = None
    """µm per level-0 px (x, y) from the layer, if no file states it."""

    def open(self, mpp: float | Pair | None = None) -> Slide:
        """The open slide; the caller closes it. mpp: the user's value, which takes precedence."""
        return open_slide(self.what, mpp=self.mpp if mpp is None else mpp)


def source_of(layer: Image) -> Source:
    """The slide behind a layer that any plugin opened.

    It is the file, if one of our readers finds the same image in it, else the layer's own arrays.
    Raises SlideError when the layer is not a flat image of 8 bit.
    """
    check_pixels(layer)
    arrays = list(layer.data) if layer.multiscale else [layer.data]
    path = layer.metadata.get(SOURCE) or layer.source.path
    if path is not None and _shows(str(path), arrays[0].shape[:2]):
        return Source(lasting(str(path)))
    return Source(arrays, layer_mpp(layer))


def check_pixels(layer: Image) -> None:
    """Raise SlideError when the layer cannot be measured: known at once, without reading it."""
    if layer.ndim != 2:
        raise SlideError(
            f"layer {layer.name} has {layer.ndim} dimensions without colour; choose a flat image"
        )
    if layer.dtype != np.uint8:
        raise SlideError(
            f"layer {layer.name} has pixels of type {layer.dtype}; convert them to 8 bit (uint8), "
            "because only you know which value is white"
        )


def describe_slide(layer: Image, mpp: float | Pair | None) -> tuple[str, Pair | None]:
    """The slide in words, with doubts about it, and its µm/px."""
    with source_of(layer).open(mpp) as slide:
        words = slide_line(slide)
        if slide.mpp is None:
            words += (
                "; µm/px not stated: enter it below if you know it (the scale is found without it)"
            )
        words += "".join(f"\n⚠ {doubt}" for doubt in slide_doubts(slide))
        return words, slide.mpp


def _shows(path: str, shape: tuple[int, int]) -> bool:
    """Whether one of our readers finds an image of this height and width in the file."""
    try:
        with open_slide(path) as slide:
            return (slide.levels[0].height, slide.levels[0].width) == tuple(shape)
    except WsiScaleError:
        return False


def layer_mpp(layer: Image) -> Pair | None:
    """µm per pixel (x, y) of a layer with units of length; None for a layer in pixels."""
    lengths = []
    for factor, unit in zip(layer.scale[-2:], layer.units[-2:], strict=True):
        if not unit.is_compatible_with("micrometer"):
            return None
        lengths.append(float((factor * unit).to("micrometer").magnitude))
    y_um, x_um = lengths
    return x_um, y_um
