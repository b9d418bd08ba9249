"""Responses as one ``.npz`` file: arrays and a JSON header, nothing pickled."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wsi_scale.errors import WsiScaleError, one_line
from wsi_scale.geometry import ScaleGrid, Site
from wsi_scale.plumbing.arrays_damage import NPZ_DAMAGE
from wsi_scale.plumbing.files import replacing
from wsi_scale.plumbing.plain_text import parse_json
from wsi_scale.responses.layer import LAYER_ARRAYS, LAYER_WORDS, LayerResponses

FORMAT = "wsi-scale/responses/1"

ROW_ARRAYS = (
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
"""Arrays of ``Responses`` that have one row per patch."""

_WORDS = ("classes", "task", "input_size", "batchnorm_batches")  # stored in the header


def write_archive(path: str | os.PathLike[str], fields: Mapping[str, Any]) -> None:
    """Write the fields of a ``Responses`` into one file, completely or not at all."""
    layers = fields["layers"]
    header = {
        "format": FORMAT,
        "scales": fields["grid"].scales,
        **{name: fields[name] for name in _WORDS},
        "layers": [{k: getattr(x, k) for k in LAYER_WORDS} for x in layers],
    }
    arrays: dict[str, NDArray[Any]] = {
        "header": np.frombuffer(json.dumps(header).encode(), np.uint8),
        "sites": np.array(fields["sites"], np.float64).reshape(-1, 2),
        **{name: fields[name] for name in ROW_ARRAYS},
    }
    for i, layer in enumerate(layers):
        for part in LAYER_ARRAYS:
            if (value := getattr(layer, part)) is not None:
                arrays[f"layer{i}.{part}"] = value
    with replacing(path) as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]


def read_archive(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The fields that ``write_archive`` wrote. Raises WsiScaleError for anything else."""
    try:
        with open(path, "rb") as raw, np.load(raw, allow_pickle=False) as file:
            header = parse_json(file["header"].tobytes())
            if header.get("format") != FORMAT:
                raise ValueError(f"its format is {header.get('format')!r}, not {FORMAT!r}")
            fields = {
                "grid": ScaleGrid(tuple(header["scales"])),
                "sites": tuple(Site(float(x), float(y)) for x, y in file["sites"]),
                "layers": _layers_in(header, file),
                **{name: header[name] for name in _WORDS},
                "classes": tuple(header["classes"]),
                **{name: file[name] for name in ROW_ARRAYS},
            }
            _check(fields)
            return fields
    except NPZ_DAMAGE as error:
        said = one_line(error, 300) or type(error).__name__
        raise WsiScaleError(f"{path} holds no wsi-scale responses: {said}") from error


def _layers_in(
    header: Mapping[str, Any], file: Mapping[str, NDArray[Any]]
) -> tuple[LayerResponses, ...]:
    return tuple(
        LayerResponses(
            layer["name"],
            layer["kind"],
            encoder=bool(layer.get("encoder", False)),
            **{part: file[key] for part in LAYER_ARRAYS if (key := f"layer{i}.{part}") in file},
        )
        for i, layer in enumerate(header["layers"])
    )


def _check(fields: Mapping[str, Any]) -> None:
    """Raise ValueError, one clause, unless everything fits together."""
    rows, classes = len(fields["entropy"]), len(fields["classes"])
    shapes: dict[str, tuple[int, ...]] = dict.fromkeys(ROW_ARRAYS, (rows,))
    shapes |= dict.fromkeys(("outputs", "share"), (rows, classes))
    for name, shape in shapes.items():
        if fields[name].shape != shape:
            raise ValueError(f"{name} has shape {fields[name].shape}, not {shape}")
    limits = {
        "site_index": len(fields["sites"]),
        "scale_index": len(fields["grid"]),
        "variant": 2**31,
        "target": max(classes, 1),  # a network without classes has target 0
    }
    for name, limit in limits.items():
        values = fields[name]
        if values.dtype.kind != "i" or rows == 0 or values.min() < 0 or values.max() >= limit:
            raise ValueError(f"{name} must hold whole numbers from 0 to below {limit}")
    for layer in fields["layers"]:
        layer.check(rows)
