"""Weights in several files, with an index that says which of them holds which weight."""

from __future__ import annotations

import json
import os
from pathlib import Path

from wsi_scale.errors import NetworkError
from wsi_scale.networks.damage import parsing

_WEIGHTS = (".safetensors", ".pth", ".pt", ".ckpt", ".bin")

INDEX = ".index.json"
"""Ending of the index, as in ``model.safetensors.index.json``."""


def weights_file(path: Path) -> Path:
    """The file of weights itself; of a folder, the one index or the one file of weights in it.

    Raises NetworkError for a folder that holds none or several.
    """
    if not os.path.isdir(path):
        return path
    found = sorted(path.glob(f"*{INDEX}")) or sorted(
        x for x in path.iterdir() if x.suffix in _WEIGHTS
    )
    if len(found) == 1:
        return found[0]
    held = ", ".join(x.name for x in found[:4]) or f"none that ends in {', '.join(_WEIGHTS)}"
    raise NetworkError(f"{path} is a folder, and weights are a file: name one of it ({held})")


def files_of_weights(path: Path) -> list[Path]:
    """The file itself; of an index also its shards, in alphabetical order."""
    if not path.name.endswith(INDEX):
        return [path]
    return [path, *(path.parent / name for name in sorted(set(weight_map(path).values())))]


def weight_map(path: Path) -> dict[str, str]:
    """Weight -> name of the file beside the index that holds it."""
    with parsing(path, "the index of a sharded file"):
        names = json.loads(path.read_text(encoding="utf-8"))["weight_map"]
    if not isinstance(names, dict) or not names:
        raise NetworkError(f"{path} has no weight_map; it is not the index of a sharded file")
    for name in names.values():
        plain = isinstance(name, str) and name not in ("", ".", "..") and not name.endswith(INDEX)
        if not plain or Path(name).name != name or not os.path.isfile(path.parent / name):
            raise NetworkError(f"{path} names the shard {name!r}, which does not lie beside it")
    return dict(names)
