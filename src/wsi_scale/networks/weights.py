"""The weights of a checkpoint are found, matched with a module key by key, and put into it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from wsi_scale.errors import NetworkError
from wsi_scale.networks import staleness
from wsi_scale.networks.checkpoint import read_tree
from wsi_scale.networks.wording import listed, printable

_NESTS = (
    "state_dict", "model_state_dict", "model", "net", "network", "weights",
    "network_weights", "desc", "teacher", "student",
)  # fmt: skip
"""Keys under which frameworks keep the weights, the likeliest first; other names come after."""

_AVERAGES = (
    "state_dict_ema", "model_ema", "ema_state_dict", "ema_model", "ema",
    "swa_state_dict", "swa_model",
)  # fmt: skip
"""Keys of averaged weights, used only if there are no others."""

_WRAPPERS = ("_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module")
"""Parts of names that wrappers put in anywhere."""

_DEEPEST = 4
_COUNT = "num_batches_tracked"


@dataclass(frozen=True)
class Loaded:
    """What there is to say about weights that were loaded."""

    stale_signs: tuple[str, ...] = ()
    """Signs that the file's BatchNorm statistics do not belong to its weights."""
    notes: tuple[str, ...] = ()
    """What the file holds beside the network's weights."""


@dataclass(frozen=True)
class _State:
    """Tensors that lie side by side somewhere in a checkpoint."""

    nests: tuple[str, ...]
    """Keys that lead to them."""
    tensors: dict[str, Tensor]

    def find(self, own: Mapping[str, Tensor]) -> tuple[str, dict[str, str]]:
        """The prefix of the network's names in the file, and own name -> name in the file.

        Names that the file lacks are missing from the result. Of several prefixes that fit equally
        well, one of averaged weights or of a student comes last, then a longer one.
        """
        cleaned = {_unwrapped(key): key for key in self.tensors}
        needed = [key for key in own if not key.endswith(_COUNT)] or list(own)
        inside = _common_part(own)
        best: tuple[tuple[int, bool, int], str, dict[str, str]] | None = None
        for added in dict.fromkeys(("", inside)):
            short = {key: key.removeprefix(added) for key in own}
            ends = {short[needed[0]], short[needed[-1]]}
            prefixes = {key.removesuffix(end) for key in cleaned for end in ends if _ends(key, end)}
            for prefix in prefixes:
                found = {k: cleaned[prefix + s] for k, s in short.items() if prefix + s in cleaned}
                second = any(part in (*_AVERAGES, "student") for part in prefix.split("."))
                rank = (-len(found), second, len(prefix) + len(added))
                if best is None or rank < best[0]:
                    best = rank, prefix, found
        return ("", {}) if best is None else best[1:]


def load_weights(module: nn.Module, path: Path) -> Loaded:
    """Fill a module from a weights file; NetworkError names the first key that does not match.

    Nests, prefixes of wrappers and torch's AveragedModel are taken off. What belongs to a loss, a
    metric or an optimiser is left out and told. If the file has no batch count for a BatchNorm, its
    count is removed, because 0 would mean "never trained".
    """
    tree = read_tree(path)
    own = module.state_dict()
    state, prefix, names = _choose(tree, own, path)
    for key, value in own.items():
        if key not in names and not key.endswith(_COUNT):
            raise NetworkError(f"{path} has no {key!r}, which the network needs")
        shape = state.tensors[names[key]].shape if key in names else value.shape
        if shape != value.shape:
            raise NetworkError(
                f"{path}: {key!r} has shape {tuple(shape)} but the network needs "
                f"{tuple(value.shape)}"
            )
    left = _left_over(state, prefix, names, own, path)
    module.load_state_dict({key: state.tensors[name] for key, name in names.items()}, strict=False)
    for key in own:
        if key.endswith(_COUNT) and key not in names:
            owner = module.get_submodule(key.rpartition(".")[0])
            owner._buffers[_COUNT] = None
    averages = [x for x in (*state.nests, *prefix.split(".")) if x in _AVERAGES]
    signs = [
        staleness.rate_sign(tree),
        staleness.average_sign(state.tensors),
        *(f"the weights are averages, saved as {x!r}" for x in averages),
    ]
    return Loaded(tuple(sign for sign in signs if sign), left)


def _choose(tree: Any, own: Mapping[str, Tensor], path: Path) -> tuple[_State, str, dict[str, str]]:
    """The state of the file that holds most of the network's weights."""
    if not isinstance(tree, Mapping) or not tree:
        raise NetworkError(f"{path} holds a {type(tree).__name__}, not a state dict of tensors")
    states = list(_states(tree))
    if not states:
        key, value = next(iter(tree.items()))
        raise NetworkError(
            f"{path} holds {key!r} of type {type(value).__name__} among its weights; "
            "save its state_dict() alone"
        )
    found = [(state, *state.find(own)) for state in states]
    return max(found, key=lambda one: len(one[2]))  # the first of equals


def _states(tree: Mapping[Any, Any], nests: tuple[str, ...] = ()) -> Iterator[_State]:
    """All groups of tensors, the likeliest first."""
    tensors = {str(key): value for key, value in tree.items() if isinstance(value, Tensor)}
    if tensors:
        yield _State(nests, tensors)
    inner = {str(k): v for k, v in tree.items() if isinstance(v, Mapping)}
    others = [key for key in inner if key not in (*_NESTS, *_AVERAGES)]
    for key in (*_NESTS, *others, *_AVERAGES) if len(nests) < _DEEPEST else ():
        if key in inner:
            yield from _states(inner[key], (*nests, key))


def _left_over(
    state: _State, prefix: str, names: Mapping[str, str], own: Mapping[str, Tensor], path: Path
) -> tuple[str, ...]:
    """A note on tensors that the network has no place for.

    Raises NetworkError for one that lies inside a part of the network: then the file belongs to
    another network.
    """
    used = {*names.values(), staleness.COUNT}
    left = [key for key in state.tensors if key not in used]
    parts = {key.removeprefix(_common_part(own)).partition(".")[0] for key in own}
    for key in left:
        if not _unwrapped(key).startswith(prefix):
            continue
        part = _unwrapped(key).removeprefix(prefix).partition(".")[0]
        if part in parts or part.isdigit():
            raise NetworkError(f"{path} has {key!r}, which the network does not have")
    if not left:
        return ()
    names_left = listed(map(printable, left), 4)
    return (f"{path.name} holds more than the network, which was left out: {names_left}",)


def _unwrapped(key: str) -> str:
    return ".".join(part for part in key.split(".") if part not in _WRAPPERS)


def _common_part(own: Mapping[str, Tensor]) -> str:
    """The first part of all names, with its dot, if they share it; a file may lack it."""
    first = {key.partition(".")[0] for key in own}
    return f"{first.pop()}." if len(first) == 1 and all("." in key for key in own) else ""


def _ends(key: str, end: str) -> bool:
    return key == end or key.endswith(f".{end}")
