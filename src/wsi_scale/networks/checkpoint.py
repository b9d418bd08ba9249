"""Weight files as a tree of tensors: safetensors, checkpoints, and sharded ones by their index.

Nothing is unpickled except by torch's own unpickler for weights. Beside tensors it may make plain
numbers out of NumPy's; everything else is refused, with the command that converts the file.
"""

from __future__ import annotations

import pickle
import re
import struct
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from wsi_scale.errors import NetworkError
from wsi_scale.networks.damage import parsing
from wsi_scale.networks.shards import INDEX, weight_map
from wsi_scale.networks.wording import printable

_GLOBAL = re.compile(r"GLOBAL (\S+)")
_FORMATS = {  # NumPy's short names of number types, and those of struct
    "f8": "d", "f4": "f", "f2": "e", "b1": "?",
    "i8": "q", "i4": "i", "i2": "h", "i1": "b",
    "u8": "Q", "u4": "I", "u2": "H", "u1": "B",
}  # fmt: skip


def read_tree(path: Path) -> Any:
    """What a weights file holds: tensors by name, or mappings that hold them somewhere.

    Raises NetworkError for a file that is damaged, or holds more than tensors and plain values.
    """
    if path.name.endswith(INDEX):
        return _read_shards(path)
    if path.suffix == ".json":
        raise NetworkError(
            f"{path} is JSON and holds no weights; give the weights themselves, "
            f"or the index of a sharded file, which ends in {INDEX}"
        )
    if path.suffix == ".safetensors":
        with parsing(path, "a safetensors file with weights"):
            return load_file(path)
    try:
        with warnings.catch_warnings(), torch.serialization.safe_globals(_numbers()):
            # torch warns that a TorchScript archive is not a checkpoint, then raises as well
            warnings.simplefilter("ignore", UserWarning)
            with parsing(path, "a checkpoint whose weights can be read"):
                return torch.load(path, map_location="cpu", weights_only=True)
    except NetworkError as error:
        blocked = _GLOBAL.search(str(error.__cause__))
        if isinstance(error.__cause__, pickle.UnpicklingError) and blocked:
            raise _refusal(path, printable(blocked[1])[:100]) from error
        if "TorchScript" in str(error.__cause__):
            raise NetworkError(
                f"{path} holds no weights alone but a whole network in TorchScript; "
                f"use it as the network: --network {path}"
            ) from error
        raise


def _read_shards(path: Path) -> dict[str, Any]:
    shards = {name: read_tree(path.parent / name) for name in set(weight_map(path).values())}
    found: dict[str, Any] = {}
    for key, name in weight_map(path).items():
        if not isinstance(shards[name], Mapping) or key not in shards[name]:
            raise NetworkError(f"{path}: {name} does not hold {key!r}, although the index says so")
        found[key] = shards[name][key]
    return found


def _refusal(path: Path, blocked: str) -> NetworkError:
    new = f"{path.stem}.weights.pth"
    program = (
        f"import torch; c = torch.load({path.name!r}, map_location='cpu', weights_only=False); "
        "s = c.state_dict() if hasattr(c, 'state_dict') else c.get('state_dict', c); "
        f"torch.save({{k: v for k, v in s.items() if hasattr(v, 'dtype')}}, {new!r})"
    )
    return NetworkError(
        f"{path} holds {blocked} beside its weights and could run code when opened, so it is "
        "refused; if you trust whoever made it, convert it once in its folder with "
        f'python -c "{program}" and use {new}'
    )


class _Kind:
    """Stands for ``numpy.dtype`` in a checkpoint: a number's type, and nothing else."""

    def __init__(self, name: Any, *_: Any) -> None:
        if name not in _FORMATS:
            raise ValueError(f"{name!r} is no type of plain numbers")
        self.format = _FORMATS[name]
        self.order = "<"

    def __setstate__(self, state: Any) -> None:
        self.order = ">" if state[1] == ">" else "<"


def _number(kind: _Kind, raw: bytes) -> float | int | bool:
    """Stands for NumPy's function that makes a scalar from bytes."""
    value: float | int | bool = struct.unpack(kind.order + kind.format, raw)[0]
    return value


def _numbers() -> list[Any]:
    """Our stand-ins by NumPy's names; NumPy's own functions accept more than numbers."""
    homes = ("numpy.core.multiarray", "numpy._core.multiarray")
    return [(_Kind, "numpy.dtype"), *((_number, f"{home}.scalar") for home in homes)]
