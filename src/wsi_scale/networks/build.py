"""A module becomes a Network: a trial run finds out what its card does not say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from wsi_scale.errors import NetworkError
from wsi_scale.networks.answer import to_logits
from wsi_scale.networks.card import Card, Task, name_classes
from wsi_scale.networks.layers import head_candidates
from wsi_scale.networks.network import Network
from wsi_scale.networks.probe import find_size, is_hookable, recorded_calls, take_channels
from wsi_scale.networks.staleness import lag_of_means

_SHORT = (torch.float16, torch.bfloat16)


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
        Takes (N, 3 or 1, H, W) and returns logits (N, classes) or (N, classes, H, W).
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
    card = card or Card()
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
            logits = draft.logits(_trial(draft, side))
    count = logits.shape[1]
    built = replace(
        draft,
        card=card,
        task=_task_of(card, logits, draft.name),
        classes=name_classes(card, count, draft.name),
        activation=card.activation or ("softmax" if count > 1 else "sigmoid"),
        input_size=input_size,
        stride=stride,
        calls=tuple(calls),
    )
    if card.background is not None and card.background >= count:
        raise NetworkError(
            f"{draft.name} has {count} classes, so background = {card.background} does not exist; "
            f"give 0 to {count - 1}, or -1 for none"
        )
    if card.output == "probabilities":
        to_logits(logits, built.activation, built.name)
    lag = lag_of_means(module, _trial(built, side).to(built.dtype)) if is_hookable(module) else None
    return replace(built, head=_find_head(built, side), lag=lag)


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


def _task_of(card: Card, logits: Tensor, name: str) -> Task:
    """What the card says, else what the shape of the output shows."""
    task = card.task or ("segment" if logits.ndim == 4 and logits.shape[2:].numel() > 1 else None)
    if task == "segment" and logits.ndim == 2:
        raise NetworkError(
            f'{name} has task = "segment" but returned shape {tuple(logits.shape)}; '
            'set task = "classify" in the card'
        )
    return task or "classify"


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
    noise = np.random.default_rng(0).integers(0, 256, (2, side, side, 3), np.uint8)
    return network.prepare(noise)


def _find_head(network: Network, side: int) -> str | None:
    """Name of the last module that the logits depend on; an auxiliary head may run later."""
    if not is_hookable(network.module):
        return None
    for call in head_candidates(network.calls)[:8]:
        with torch.enable_grad(), _watched_input(call.module):
            depends = network.logits(_trial(network, side)).requires_grad
        if depends:
            return call.name
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
