"""A module becomes a Network: a trial run finds out what its card does not say."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from wsi_scale.errors import NetworkError
from wsi_scale.networks.answer import to_logits
from wsi_scale.networks.card import Card, Task, name_classes
from wsi_scale.networks.channel_axes import TensorAxes, axes_of, channel_axis, grids_of
from wsi_scale.networks.detectors import heard_part, yolo_channels
from wsi_scale.networks.layers import PREDICTS, head_candidates, is_norm
from wsi_scale.networks.network import Network
from wsi_scale.networks.probe import (
    PATCHES,
    Call,
    find_size,
    is_hookable,
    recorded_calls,
    take_channels,
)
from wsi_scale.networks.staleness import lag_of_means

_SHORT = (torch.float16, torch.bfloat16)
_MOST_CANDIDATES = 12  # auxiliary heads are small


def build_network(
    spec: str, module: nn.Module, card: Card | None = None, *, sha256: str | None = None
) -> Network:
    """A Network made from a module by a trial run on the CPU.

    The trial run finds out what the card does not say: channels, patch side, task, number of
    classes, head. The module is put in evaluation mode and its parameters are frozen.

    Parameters
    ----------
    spec : str
        The SPEC to report; any name will do for your own module.
    module : torch.nn.Module
        Takes (N, 3 or 1, H, W) and returns logits (N, classes) or (N, classes, H, W), or features.
        Of a detector in torchvision's form, backbone and feature pyramid are used.
    card : Card, optional
        What is known about the network. Default: nothing.
    sha256 : str, optional
        SHA-256 of the weights file, in hex.

    Returns
    -------
    Network
        On the CPU.

    Raises
    ------
    NetworkError
        When the module cannot be run, or contradicts its card.

    Examples
    --------
    >>> from torch import nn
    >>> from wsi_scale.networks import Card, build_network
    >>> module = nn.Sequential(nn.Conv2d(3, 2, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    >>> network = build_network("mine", module, Card(classes=("disc", "square")))
    >>> network.task, network.classes, network.stride
    ('classify', ('disc', 'square'), 32)
    """
    module, known = heard_part(module)
    card = (card or Card()).with_known(known)
    module.eval()
    if is_hookable(module) and any(x.dtype in _SHORT for x in module.state_dict().values()):
        module.float()  # exact, and statistics in half precision would not be
    for parameter in module.parameters():  # TorchScript has no requires_grad_ of its own
        parameter.requires_grad = False
    draft = _draft(spec, module, card, sha256)
    _check_colours(draft)
    with torch.no_grad():
        input_size, stride, side = find_size(card, lambda side: draft.logits(_trial(draft, side)))
        with recorded_calls(module) as calls:
            answer = draft.logits(_trial(draft, side))
    found = replace(draft, card=card, input_size=input_size, stride=stride, calls=tuple(calls))
    last = _find_last(replace(draft, calls=tuple(calls)), side)
    task = _task_of(card, answer, last, side, draft.name)
    if task not in PREDICTS:
        built = replace(found, task=task, output_axes=_axes_of_features(calls, answer, side))
    else:
        built = _with_classes(found, task, answer, last)
    trial = _trial(built, side).to(built.dtype)
    lag = lag_of_means(module, trial) if is_hookable(module) else None
    return replace(built, lag=lag)


def _with_classes(found: Network, task: Task, logits: Tensor, last: Call | None) -> Network:
    """The network with its classes. Raises NetworkError if they contradict the card."""
    card, count = found.card, logits.shape[1]
    built = replace(
        found,
        task=task,
        classes=name_classes(card, count, found.name),
        activation=card.activation or ("softmax" if count > 1 else "sigmoid"),
        head=None if last is None else last.name,
    )
    if card.background is not None and card.background >= count:
        raise NetworkError(
            f"{found.name} has {count} classes, so background = {card.background} does not exist; "
            f"give 0 to {count - 1}, or -1 for none"
        )
    if card.output == "probabilities":
        to_logits(logits, built.activation, built.name)
    return built


def _draft(spec: str, module: nn.Module, card: Card, sha256: str | None) -> Network:
    """A network that is good enough for a trial run; the trial finds out the rest."""
    return Network(
        spec,
        card.model_copy(update={"output": "logits"}),  # the activation is not known yet
        module,
        torch.device("cpu"),
        sha256,
        channels=card.channels or take_channels(module) or 3,
        task="segment",
        classes=(),
        activation="none",
        input_size=None,
        stride=1,
    )


def _task_of(card: Card, answer: Tensor, last: Call | None, side: int, name: str) -> Task:
    """What the card says, else what shape and origin of the answer show."""
    shape = tuple(answer.shape)
    task = card.task or _guess_task(card, shape, last, side)
    if len(shape) == 3 and task in PREDICTS:
        raise NetworkError(
            f"{name} returned shape {shape}, which holds tokens or boxes and no {task} logits; "
            "leave task out of the card, or name another output with output_key"
        )
    if task == "segment" and len(shape) == 2:
        raise NetworkError(
            f'{name} has task = "segment" but returned shape {shape}; '
            'set task = "classify" in the card'
        )
    return task


def _guess_task(card: Card, shape: tuple[int, ...], last: Call | None, side: int) -> Task:
    if yolo_channels(shape, side) is not None:
        return "detect"
    has_classes = card.classes or card.activation or card.background is not None
    says_classes = has_classes or card.output == "probabilities"
    # of the same channels: what is computed from normalised features may well be logits
    normalised = (
        last is not None and is_norm(last) and shape[channel_axis(shape)] in (last.gives or ())
    )
    if len(shape) == 3 or channel_axis(shape) == 3 or (normalised and not says_classes):
        return "features"
    return "segment" if math.prod(shape[2:]) > 1 else "classify"


def _axes_of_features(calls: Sequence[Call], answer: Tensor, side: int) -> TensorAxes:
    yolo = yolo_channels(tuple(answer.shape), side)
    return axes_of(answer.shape, grids_of(calls), None) if yolo is None else TensorAxes(yolo)


def _check_colours(network: Network) -> None:
    for key in ("mean", "std"):
        values = getattr(network.card, key)
        if values is not None and len(values) not in (1, network.channels):
            raise NetworkError(
                f"{network.name} takes {network.channels} channel(s) but {key} has {len(values)} "
                "values; give one number or one per channel"
            )


def _trial(network: Network, side: int) -> Tensor:
    """Two patches of seeded noise; a constant patch would hide a division by a spread of zero."""
    noise = np.random.default_rng(0).integers(0, 256, (PATCHES, side, side, 3), np.uint8)
    return network.prepare(noise)


def _find_last(network: Network, side: int) -> Call | None:
    """The last module that the answer depends on; an auxiliary head may run later."""
    if not is_hookable(network.module):
        return None
    for call in head_candidates(network.calls)[:_MOST_CANDIDATES]:
        with torch.enable_grad(), _watched_input(call.module):
            depends = network.logits(_trial(network, side)).requires_grad
        if depends:
            return call
    return None


class _watched_input:  # noqa: N801  (a context manager, used like a function)
    """While open, the module's input is detached and tracked by autograd."""

    def __init__(self, module: nn.Module) -> None:
        self.handle = module.register_forward_pre_hook(
            lambda _, args: (args[0].detach().requires_grad_(True).clone(), *args[1:])
        )

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None:
        self.handle.remove()
