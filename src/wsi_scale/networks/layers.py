"""Which layers are measured: all BatchNorm inputs, a middle layer, and the head's input."""

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

_FEW_CONVOLUTIONS = 4  # a network with fewer is not convolutional: its blocks say more


@dataclass(frozen=True)
class LayerChoice:
    """One place where a network is measured."""

    name: str
    """Dotted module name, or ``output`` for the network's output."""
    kind: Kind
    tap: Literal["input", "output"]
    """Whether the module's input or its output is measured."""
    is_head: bool = False
    """True for the layer before the head, where gradients are taken."""
    encoder: bool = False
    """True for a BatchNorm up to and including the last one at the coarsest resolution."""


class Structure(NamedTuple):
    """The parts of a network that decide which layers are measured."""

    name: str
    """What people call the network."""
    task: Task
    calls: tuple[Call, ...]
    """Submodules in the order in which they run; empty if hooks cannot reach them."""
    head: str | None
    """Name of the module that computes the logits; None if hooks cannot reach it."""


OUTPUT = LayerChoice("output", "output", "output")
"""The only choice for a network whose modules run no hooks (TorchScript, exported)."""


def is_batchnorm(call: Call) -> bool:
    """True for any module that normalises images by stored means and variances."""
    stored = (getattr(call.module, name, None) for name in ("running_mean", "running_var"))
    return all(isinstance(x, Tensor) for x in stored) and _has_pixels(call.takes, (4,))


def batchnorm_batches(calls: Sequence[Call]) -> int | None:
    """Number of batches behind the BatchNorm statistics: the smallest over all layers.

    0 = never trained; None = not stored, or no BatchNorm within reach of hooks.
    """
    counts = [getattr(c.module, "num_batches_tracked", None) for c in calls if is_batchnorm(c)]
    stored = [int(count) for count in counts if isinstance(count, Tensor)]
    return min(stored) if stored else None


def encoder_batchnorms(calls: Sequence[Call]) -> tuple[LayerChoice, ...]:
    """BatchNorms up to the last of those with the fewest pixels, in the order in which they run.

    With sides 96, 48, 24, 24, 48, 96 these are the first four; in a classifier, usually all.
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
    """The layers to measure, in the order in which the image passes them.

    patterns: module names or ``fnmatch`` patterns; None or empty: by the network's structure.
    Raises NetworkError for a pattern that matches no module with a measurable output.
    """
    if not structure.calls:
        if patterns and any(not fnmatchcase("output", p) for p in patterns):
            raise NetworkError(
                f"{structure.name} has no layers that can be measured, because it is TorchScript "
                f"or exported; leave out layers = {listed(patterns)}"
            )
        return (OUTPUT,)
    usual = _by_structure(structure)
    chosen = _by_name(structure, patterns, usual) if patterns else usual
    if not patterns and (structure.head is None or not chosen):
        chosen = {**chosen, OUTPUT.name: OUTPUT}
    order = {call.name: i for i, call in enumerate(structure.calls)} | {
        OUTPUT.name: len(structure.calls)
    }
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
    """Convolutions; if there are too few, repeated blocks; else any module that keeps pixels."""
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
                f"{structure.name} has no layer {pattern!r}; choose from "
                f"{listed(call.name for call in usable)}"
            )
        for name in matching:
            chosen[name] = usual.get(name, LayerChoice(name, "middle", "output"))
    return chosen


def _has_pixels(shape: tuple[int, ...] | None, ranks: tuple[int, ...]) -> bool:
    return shape is not None and len(shape) in ranks
