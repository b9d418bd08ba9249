"""Which layers of a network are measured: all BatchNorm inputs, one in the middle, the head's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal, NamedTuple

from torch import Tensor, nn

from wsi_scale.errors import NetworkError
from wsi_scale.networks.card import Task
from wsi_scale.networks.probe import Call
from wsi_scale.networks.wording import listed

Kind = Literal["batchnorm", "middle", "pooled", "output"]

_FEW_CONVOLUTIONS = 4  # below this the network is no convolutional one: blocks say more


@dataclass(frozen=True)
class LayerChoice:
    """One place where a network is listened to."""

    name: str
    """Dotted module name, or ``output`` for the network's own answer."""
    kind: Kind
    tap: Literal["input", "output"]
    """Whether what enters the module is measured, or what leaves it."""
    is_head: bool = False
    """True for the layer in front of the head: gradients are taken here."""
    encoder: bool = False
    """True for a BatchNorm no later than the last one at the coarsest resolution."""


class Structure(NamedTuple):
    """What of a network decides which layers are measured."""

    name: str
    """What people call the network."""
    task: Task
    calls: tuple[Call, ...]
    """Submodules in the order they work; empty where they cannot be listened to."""
    head: str | None
    """Name of the module that computes the logits; None where it cannot be listened to."""


OUTPUT = LayerChoice("output", "output", "output")
"""All that a network without hookable modules (TorchScript, exported) offers."""


def is_batchnorm(call: Call) -> bool:
    """True for anything that normalises images by stored means and variances."""
    stored = (getattr(call.module, name, None) for name in ("running_mean", "running_var"))
    return all(isinstance(x, Tensor) for x in stored) and _has_pixels(call.takes, (4,))


def batchnorm_batches(calls: Sequence[Call]) -> int | None:
    """Batches the BatchNorm statistics were gathered over, the fewest of all layers.

    0 = never trained; None = not stored, or no BatchNorm that can be seen.
    """
    counts = [getattr(c.module, "num_batches_tracked", None) for c in calls if is_batchnorm(c)]
    stored = [int(count) for count in counts if isinstance(count, Tensor)]
    return min(stored) if stored else None


def encoder_batchnorms(calls: Sequence[Call]) -> tuple[LayerChoice, ...]:
    """BatchNorms up to the last of those that see the fewest pixels, in the order they work.

    Sides 96, 48, 24, 24, 48, 96 -> the first four; of a classifier, as a rule, all.
    """
    found = [call for call in calls if is_batchnorm(call)]
    pixels = [call.takes[2] * call.takes[3] for call in found if call.takes is not None]
    last = max((i for i, count in enumerate(pixels) if count == min(pixels)), default=-1)
    return tuple(
        LayerChoice(call.name, "batchnorm", "input", encoder=True) for call in found[: last + 1]
    )


def head_candidates(calls: Sequence[Call]) -> list[Call]:
    """Modules that may compute the logits, the last one first."""
    kinds = (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)
    leaves = [call for call in calls if call.is_leaf and isinstance(call.module, kinds)]
    return [call for call in reversed(leaves) if _has_pixels(call.takes, (2, 3, 4))]


def choose_layers(structure: Structure, patterns: Sequence[str] | None) -> tuple[LayerChoice, ...]:
    """The layers to measure, in the order the image passes them.

    patterns: module names or ``fnmatch`` patterns; None or empty = by the network's structure.
    Raises NetworkError for a pattern that matches no module whose result can be measured.
    """
    if not structure.calls:
        if patterns and any(not fnmatchcase("output", p) for p in patterns):
            raise NetworkError(
                f"{structure.name} has no layers that can be listened to (TorchScript or "
                f"exported), so {listed(patterns)} cannot be measured; drop layers"
            )
        return (OUTPUT,)
    usual = _by_structure(structure)
    chosen = _by_name(structure, patterns, usual) if patterns else usual
    if not chosen:
        return (OUTPUT,)
    order = {call.name: i for i, call in enumerate(structure.calls)}
    return tuple(sorted(chosen.values(), key=lambda choice: order[choice.name]))


def _by_structure(structure: Structure) -> dict[str, LayerChoice]:
    chosen = {
        c.name: LayerChoice(c.name, "batchnorm", "input")
        for c in structure.calls
        if is_batchnorm(c)
    }
    chosen |= {choice.name: choice for choice in encoder_batchnorms(structure.calls)}
    middles = _middle_candidates(structure)
    quarters = (2,) if chosen else (1, 2, 3)
    for quarter in quarters if middles else ():
        name = middles[len(middles) * quarter // 4].name
        chosen.setdefault(name, LayerChoice(name, "middle", "output"))
    if structure.head is not None:
        kind: Kind = "pooled" if structure.task == "classify" else "middle"
        chosen[structure.head] = LayerChoice(structure.head, kind, "input", is_head=True)
    return chosen


def _middle_candidates(structure: Structure) -> list[Call]:
    """Convolutions; where there are too few, repeated blocks; else whatever keeps pixels."""
    calls = [
        c for c in structure.calls if c.name != structure.head and _has_pixels(c.gives, (3, 4))
    ]
    leaves = [c for c in calls if c.is_leaf]
    convolutions = [c for c in leaves if isinstance(c.module, nn.Conv2d)]
    if len(convolutions) >= _FEW_CONVOLUTIONS:
        return convolutions
    numbered = [c for c in calls if not c.is_leaf and c.name[-1].isdigit()]
    siblings = Counter(_family(c) for c in numbered)
    blocks = [c for c in numbered if siblings[_family(c)] >= _FEW_CONVOLUTIONS]
    return blocks or convolutions or leaves


def _family(call: Call) -> tuple[str, type[nn.Module]]:
    """Blocks are numbered modules of one class in one parent: ``blocks.0``, ``blocks.1``, …"""
    return call.name.rpartition(".")[0], type(call.module)


def _by_name(
    structure: Structure, patterns: Sequence[str], usual: dict[str, LayerChoice]
) -> dict[str, LayerChoice]:
    chosen: dict[str, LayerChoice] = {}
    usable = [c for c in structure.calls if c.name in usual or _has_pixels(c.gives, (2, 3, 4))]
    for pattern in patterns:
        matching = [call.name for call in usable if fnmatchcase(call.name, pattern)]
        if not matching:
            raise NetworkError(
                f"{structure.name} has no layer {pattern!r}; there are "
                f"{listed(call.name for call in usable)}"
            )
        for name in matching:
            chosen[name] = usual.get(name, LayerChoice(name, "middle", "output"))
    return chosen


def _has_pixels(shape: tuple[int, ...] | None, ranks: tuple[int, ...]) -> bool:
    return shape is not None and len(shape) in ranks
