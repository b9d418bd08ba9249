"""Weight files, read without unpickling code and put into a module key by key."""

from __future__ import annotations

import pickle
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from wsi_scale.errors import NetworkError
from wsi_scale.networks import staleness
from wsi_scale.networks.wording import brief

_NESTS = ("state_dict", "model_state_dict", "model", "net", "network", "weights")
_AVERAGES = ("state_dict_ema", "model_ema", "ema_state_dict", "ema", "swa_state_dict", "swa_model")
"""Keys of averaged weights, used only if there are no others."""

_PREFIXES = ("module.", "_orig_mod.", "model.", "net.", "network.")


def read_state(path: Path) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """Tensors of a safetensors file or a checkpoint, by name, and signs of stale statistics.

    Nesting and torch's AveragedModel are removed. A checkpoint is read with ``weights_only=True``;
    what that refuses is refused here.
    """
    found = _read(path)
    state, nests = _unwrap(found, path)
    averages = [f"the weights are averages, saved as {x!r}" for x in nests if x in _AVERAGES]
    signs = [staleness.rate_sign(found), staleness.average_sign(state), *averages]
    if staleness.COUNT in state:
        del state[staleness.COUNT]
        state = {key.removeprefix("module."): value for key, value in state.items()}
    return state, tuple(sign for sign in signs if sign)


def _read(path: Path) -> Any:
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        with warnings.catch_warnings():
            # torch warns that a TorchScript archive is not a checkpoint, then raises as well
            warnings.simplefilter("ignore", UserWarning)
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise NetworkError(
            f"{path} holds more than weights and could run code when opened, so it is refused; "
            "save its state_dict() as safetensors"
        ) from error
    except (SafetensorError, RuntimeError, EOFError, ValueError, zipfile.BadZipFile) as error:
        raise NetworkError(f"{path} holds no weights that can be read: {brief(error)}") from error


def _unwrap(found: Any, path: Path) -> tuple[dict[str, Tensor], list[str]]:
    """The state dict inside, and the keys under which it was nested."""
    nests: list[str] = []
    while isinstance(found, Mapping):
        inner = [k for k in (*_NESTS, *_AVERAGES) if isinstance(found.get(k), Mapping)]
        if not inner:
            break
        nests.append(inner[0])
        found = found[inner[0]]
    if not isinstance(found, Mapping) or not found:
        raise NetworkError(f"{path} holds a {type(found).__name__}, not a state dict of tensors")
    for key, value in found.items():
        if not isinstance(value, Tensor):
            raise NetworkError(
                f"{path} holds {key!r} of type {type(value).__name__} among its weights; "
                "save its state_dict() alone"
            )
    return {str(key): value for key, value in found.items()}, nests


def _strip_prefixes(state: dict[str, Tensor], wanted: set[str]) -> dict[str, Tensor]:
    """Remove a wrapper's prefix from every key: ``module.conv.bias`` becomes ``conv.bias``."""
    for prefix in _PREFIXES:
        everywhere = all(key.startswith(prefix) for key in state)
        if everywhere and not any(key.startswith(prefix) for key in wanted):
            state = {key.removeprefix(prefix): value for key, value in state.items()}
    return state


def load_weights(module: nn.Module, path: Path) -> tuple[str, ...]:
    """Fill a module from a weights file; NetworkError names the first key that does not match.

    Returns signs that the file's BatchNorm statistics do not belong to its weights. If the file has
    no batch count for a BatchNorm, its count is removed, because 0 would mean "never trained".
    """
    own = module.state_dict()
    state, signs = read_state(path)
    state = _strip_prefixes(state, set(own))
    counts = {key for key in own if key.endswith("num_batches_tracked")}
    for key, value in own.items():
        if key not in state and key not in counts:
            raise NetworkError(f"{path} has no {key!r}, which the network needs")
        if key in state and state[key].shape != value.shape:
            raise NetworkError(
                f"{path}: {key!r} has shape {tuple(state[key].shape)} but the network needs "
                f"{tuple(value.shape)}"
            )
    for key in state:
        if key not in own:
            raise NetworkError(f"{path} has {key!r}, which the network does not have")
    module.load_state_dict(state, strict=False)
    for key in counts - set(state):
        owner = module.get_submodule(key.rpartition(".")[0])
        owner._buffers["num_batches_tracked"] = None
    return signs
