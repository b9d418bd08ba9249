"""Opens whole slides as napari layers, with the same readers as the command line."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from wsi_scale.errors import WsiScaleError
from wsi_scale.slide.base import Slide
from wsi_scale.slide.readers import all_readers, open_slide
from wsi_scale_napari.levels import lazy_levels
from wsi_scale_napari.mixed_units import allow_mixed_units

SOURCE = "wsi_scale_source"
"""Key of a layer's metadata: the path or ``synthetic:`` word that it was read from."""

NETWORK = "wsi_scale_network"
"""Key of a layer's metadata: the network that a sample is for."""

LayerData = tuple[Any, dict[str, Any], str]
PathOrPaths = str | os.PathLike[str] | list[str]


def get_reader(path: PathOrPaths) -> Callable[[PathOrPaths], list[LayerData]] | None:
    """The function that reads this path, or None if none of our readers can open it.

    Opens and closes the file; reads headers only, no pixels.
    """
    if isinstance(path, list):
        if len(path) != 1:
            return None
        path = path[0]
    source = os.fspath(path)
    if not any(module.accepts(source) for module in all_readers().values()):
        return None
    try:
        open_slide(source).close()
    except WsiScaleError:
        return None
    return read_layers


def read_layers(path: PathOrPaths) -> list[LayerData]:
    """The slide at a path, as one multiscale RGB image layer."""
    allow_mixed_units()
    source = lasting(os.fspath(path[0] if isinstance(path, list) else path))
    return [slide_layer(open_slide(source), source)]


def lasting(source: str) -> str:
    """The absolute path of a file; anything else unchanged."""
    return str(Path(source).absolute()) if Path(source).exists() else source


def slide_layer(slide: Slide, source: str) -> LayerData:
    """An open slide as layer data. Scale and units are those of level 0. napari places coarser
    levels by their shapes, so levels with fractional ratios lie in the right place too."""
    levels = lazy_levels(slide)
    options: dict[str, Any] = {
        "name": Path(source).name.partition("?")[0] or source,
        "rgb": True,
        "multiscale": True,
        "axis_labels": ("y", "x"),
        "metadata": {SOURCE: source},
    }
    if slide.mpp is not None:
        x_um, y_um = slide.mpp
        options |= {"scale": (y_um, x_um), "units": ("um", "um")}
    return levels, options, "image"
