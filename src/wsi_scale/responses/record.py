"""What a network answered, patch by patch, without torch: the evidence every estimator reads.

Rows are long: one row per (site, scale, variant). A patch that could not be cut has no row.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from wsi_scale.errors import SettingsError, WsiScaleError
from wsi_scale.geometry import ScaleGrid, Site
from wsi_scale.plumbing.arrays import Floats
from wsi_scale.plumbing.files import replacing
from wsi_scale.responses.layer import LAYER_ARRAYS, LAYER_WORDS, LayerResponses, join_layers

PLAIN, COLOUR_FREED = 0, 1
"""Variants: as it was cut; in the colours that bring the slide closest to the training data."""

FORMAT = "wsi-scale/responses/1"


@dataclass(frozen=True)
class Responses:
    """Everything the network said about one slide."""

    grid: ScaleGrid
    sites: tuple[Site, ...]
    """Centres of the pyramids, level-0 px."""
    site_index: NDArray[np.int32]
    """(R,) which site a row belongs to."""
    scale_index: NDArray[np.int32]
    """(R,) which scale of the grid."""
    variant: NDArray[np.int32]
    """(R,) PLAIN or the number of a variant."""
    layers: tuple[LayerResponses, ...]
    outputs: Floats
    """(R, K) logits of a classifier; of a segmenter the mean logit of each class over the patch."""
    share: Floats
    """(R, K) probability of each class; of a segmenter the share of pixels given to each."""
    entropy: Floats
    """(R,) entropy of the prediction in nats (of a segmenter the mean over pixels)."""
    contrast: Floats
    """(R,) standard deviation of the patch's grey values, 0–255: near 0 is nothing to look at."""
    target: NDArray[np.int32]
    """(R,) class whose score the gradients belong to."""
    upsampled: NDArray[np.bool_]
    """(R,) True where the patch holds less real detail than pixels."""
    classes: tuple[str, ...]
    """K class names."""
    task: str
    """``classify`` or ``segment``."""
    input_size: int
    """Side of every patch in network px."""
    batchnorm_batches: int | None = None
    """Batches the BatchNorm statistics were gathered over: 0 = never trained, None = not stored."""

    def layer(self, name: str) -> LayerResponses:
        """The layer of that name. Raises KeyError with the names there are."""
        for one in self.layers:
            if one.name == name:
                return one
        raise KeyError(f"no layer {name!r}; there are {', '.join(x.name for x in self.layers)}")

    def of_kind(self, kind: str) -> tuple[LayerResponses, ...]:
        """Layers of one kind, in the order the image passes them."""
        return tuple(layer for layer in self.layers if layer.kind == kind)

    def on_grid(self, values: NDArray[Any], variant: int = PLAIN) -> NDArray[np.float64]:
        """Arrange row values (R, …) as (sites, scales, …) float64; NaN where no patch was cut."""
        shape = (len(self.sites), len(self.grid), *values.shape[1:])
        out = np.full(shape, np.nan)
        rows = self.variant == variant
        out[self.site_index[rows], self.scale_index[rows]] = values[rows]
        return out

    def target_shares(self) -> NDArray[np.float64]:
        """(sites, scales) probability, or share of pixels, of each patch's target; NaN where no
        patch was cut."""
        rows = np.arange(len(self.target))
        return self.on_grid(self.share[rows, self.target])

    def between(self, lo: float, hi: float) -> Responses:
        """The same as if only the grid scales from lo to hi, both included, had been asked.

        Raises SettingsError when there is none.
        """
        inside = [i for i, x in enumerate(self.grid.scales) if lo - 1e-9 <= x <= hi + 1e-9]
        if not inside:
            raise SettingsError(f"no scale was measured between {lo:g} and {hi:g}")
        return self.at_scales(inside)

    def at_scales(self, chosen: Sequence[int]) -> Responses:
        """The same as if only some grid scales, given by rising positions, had been asked."""
        place = np.full(len(self.grid), -1, np.int32)
        place[list(chosen)] = np.arange(len(chosen))
        rows = place[self.scale_index] >= 0
        grid = ScaleGrid(tuple(self.grid.scales[i] for i in chosen))
        return replace(self._at(rows), grid=grid, scale_index=place[self.scale_index[rows]])

    def of_sites(self, chosen: Sequence[int]) -> Responses:
        """The same as if only some sites, given by their numbers, had been looked at."""
        order = np.full(len(self.sites), -1, np.int32)
        order[list(chosen)] = np.arange(len(chosen))
        rows = order[self.site_index] >= 0
        sites = tuple(self.sites[i] for i in chosen)
        return replace(self._at(rows), sites=sites, site_index=order[self.site_index[rows]])

    def on_larger_grid(self, grid: ScaleGrid) -> Responses:
        """The same rows on a grid that has other scales besides."""
        place = np.searchsorted(grid.scales, self.grid.scales)
        index = place[self.scale_index].astype(self.scale_index.dtype)
        return replace(self, grid=grid, scale_index=index)

    def beside(self, more: Responses) -> Responses:
        """These rows, then ``more`` rows of the same sites on the same grid.

        Raises ValueError where sites or grids differ.
        """
        if self.sites != more.sites or self.grid != more.grid:
            raise ValueError("rows stand beside each other only for the same sites and grid")
        index = np.concatenate([self.site_index, more.site_index])
        return replace(merge([self, more]), sites=self.sites, site_index=index)

    def _at(self, rows: NDArray[np.bool_]) -> Responses:
        """Some rows of everything that has rows."""
        layers = tuple(layer.at(rows) for layer in self.layers)
        return replace(
            self, layers=layers, **{name: getattr(self, name)[rows] for name in _ROW_ARRAYS}
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write one ``.npz`` (arrays and a JSON header, nothing pickled); whole or not at all."""
        header = {
            "format": FORMAT,
            "scales": self.grid.scales,
            "classes": self.classes,
            "task": self.task,
            "input_size": self.input_size,
            "batchnorm_batches": self.batchnorm_batches,
            "layers": [{k: getattr(x, k) for k in LAYER_WORDS} for x in self.layers],
        }
        arrays: dict[str, NDArray[Any]] = {
            "header": np.frombuffer(json.dumps(header).encode(), np.uint8),
            "sites": np.array(self.sites, np.float64).reshape(-1, 2),
            **{name: getattr(self, name) for name in _ROW_ARRAYS},
        }
        for i, layer in enumerate(self.layers):
            for part in LAYER_ARRAYS:
                if (value := getattr(layer, part)) is not None:
                    arrays[f"layer{i}.{part}"] = value
        with replacing(path) as file:
            np.savez_compressed(file, **arrays)  # type: ignore[arg-type]

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Responses:
        """Read what ``save`` wrote. Raises WsiScaleError for anything else."""
        try:
            with open(path, "rb") as raw, np.load(raw, allow_pickle=False) as file:
                header = json.loads(file["header"].tobytes())
                if header.get("format") != FORMAT:
                    raise ValueError(f"its format is {header.get('format')!r}, not {FORMAT!r}")
                layers = tuple(
                    LayerResponses(
                        layer["name"],
                        layer["kind"],
                        encoder=bool(layer.get("encoder", False)),
                        **{
                            part: file[key]
                            for part in LAYER_ARRAYS
                            if (key := f"layer{i}.{part}") in file
                        },
                    )
                    for i, layer in enumerate(header["layers"])
                )
                loaded = cls(
                    grid=ScaleGrid(tuple(header["scales"])),
                    sites=tuple(Site(float(x), float(y)) for x, y in file["sites"]),
                    layers=layers,
                    classes=tuple(header["classes"]),
                    task=header["task"],
                    input_size=header["input_size"],
                    batchnorm_batches=header["batchnorm_batches"],
                    **{name: file[name] for name in _ROW_ARRAYS},
                )
                _check(loaded)
                return loaded
        except _DAMAGE as error:
            raise WsiScaleError(f"{path} holds no wsi-scale responses: {error}") from error


_ROW_ARRAYS = (
    "site_index",
    "scale_index",
    "variant",
    "outputs",
    "share",
    "entropy",
    "contrast",
    "target",
    "upsampled",
)
_DAMAGE = (
    OSError,
    EOFError,
    BadZipFile,
    zlib.error,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
)
"""What reading a foreign, cut-off or altered file may raise."""


def _check(responses: Responses) -> None:
    """Raise ValueError, one clause, unless everything fits together."""
    rows, classes = len(responses.entropy), len(responses.classes)
    shapes: dict[str, tuple[int, ...]] = dict.fromkeys(_ROW_ARRAYS, (rows,))
    shapes |= dict.fromkeys(("outputs", "share"), (rows, classes))
    for name, shape in shapes.items():
        if getattr(responses, name).shape != shape:
            raise ValueError(f"{name} has shape {getattr(responses, name).shape}, not {shape}")
    limits = {
        "site_index": len(responses.sites),
        "scale_index": len(responses.grid),
        "variant": 2**31,
        "target": classes,
    }
    for name, limit in limits.items():
        values = getattr(responses, name)
        if values.dtype.kind != "i" or rows == 0 or values.min() < 0 or values.max() >= limit:
            raise ValueError(f"{name} must hold whole numbers from 0 to below {limit}")
    for layer in responses.layers:
        layer.check(rows)


def merge(parts: list[Responses]) -> Responses:
    """Join measurements of the same network and grid; sites are appended in order."""
    first = parts[0]
    offsets = np.cumsum([0, *(len(part.sites) for part in parts[:-1])])
    rows: dict[str, Any] = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in _ROW_ARRAYS
        if name != "site_index"
    }
    rows["site_index"] = np.concatenate(
        [part.site_index + np.int32(offset) for part, offset in zip(parts, offsets, strict=True)]
    )
    layers = tuple(
        join_layers([part.layers[i] for part in parts]) for i in range(len(first.layers))
    )
    sites = tuple(site for part in parts for site in part.sites)
    return replace(first, sites=sites, layers=tuple(layers), **rows)
