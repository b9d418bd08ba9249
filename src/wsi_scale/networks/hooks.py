"""Hooks that measure a working network: moments of its layers, and autograd through its head."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from wsi_scale.networks.channel_axes import BY_SHAPE, TensorAxes, channel_axis
from wsi_scale.networks.layers import OUTPUT, LayerChoice

_LOCKS: WeakKeyDictionary[nn.Module, threading.RLock] = WeakKeyDictionary()
"""One lock per network: hooks and flags belong to the module, so two threads must take turns."""

Moments = tuple[Tensor, Tensor]
"""Mean and population variance over a patch's pixels, each (N, C)."""


def moments(x: Tensor, axes: TensorAxes = BY_SHAPE) -> Moments:
    """Mean and population variance per channel over the pixels or tokens of every patch.

    Class and register tokens are left out. Two passes are as exact as ``torch.var_mean`` and
    several times as fast on a CPU. Half precision is widened first.
    """
    x = x if x.dtype.itemsize >= 4 else x.float()
    x = x[:, axes.leading :] if axes.leading else x
    pixels = pixel_axes(x, axes)
    if not pixels:
        return x, torch.zeros_like(x)
    mean = x.mean(pixels, keepdim=True)
    var = (x - mean).square().mean(pixels)
    return mean.squeeze(pixels), var


def pixel_axes(x: Tensor, axes: TensorAxes = BY_SHAPE) -> tuple[int, ...]:
    """TensorAxes of a layer's output that are neither patches nor channels."""
    channels = channel_axis(x.shape) if axes.channels is None else axes.channels
    return tuple(axis for axis in range(1, x.ndim) if axis != channels)


@dataclass
class Heard:
    """What the hooks caught during the last forward pass."""

    moments: dict[str, Moments] = field(default_factory=dict)
    """By layer name; for a module that is used several times, the first use."""
    head_input: Tensor | None = None
    """The head's input, detached from what came before and tracked by autograd."""


@contextmanager
def hooked(
    module: nn.Module, layers: Iterable[LayerChoice], *, follow_head: bool = False
) -> Iterator[Heard]:
    """Measure layers while open; every hook is removed at the end, whatever happens.

    The moments keep their graph if gradients are on and the network's input requires one.

    follow_head: detach the head's input and let autograd track it, so that a gradient with respect
    to it differentiates only the head.
    """
    heard = Heard()
    handles: list[Any] = []
    try:
        for choice in layers:
            if choice == OUTPUT:
                continue
            at = module.get_submodule(choice.name)
            if choice.tap == "input":
                hook = _input_hook(heard, choice, follow_head and choice.is_head)
                handles.append(at.register_forward_pre_hook(hook))
            else:
                handles.append(at.register_forward_hook(_output_hook(heard, choice)))
        yield heard
    finally:
        for handle in handles:
            handle.remove()


def _input_hook(heard: Heard, choice: LayerChoice, follow: bool) -> Callable[..., Any]:
    def listen(_: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...] | None:
        if choice.name in heard.moments:
            return None
        heard.moments[choice.name] = moments(args[0], choice.axes)
        if not follow:
            return None
        heard.head_input = args[0].detach().requires_grad_(True)
        # a copy, so that a head that works in place does not change a leaf
        return (heard.head_input.clone(), *args[1:])

    return listen


def _output_hook(heard: Heard, choice: LayerChoice) -> Callable[..., None]:
    def listen(_: nn.Module, __: Any, result: Any) -> None:
        if choice.name not in heard.moments:
            heard.moments[choice.name] = moments(result, choice.axes)

    return listen


@contextmanager
def at_work(module: nn.Module) -> Iterator[None]:
    """While open, the module is at rest and only this thread uses it."""
    with _LOCKS.setdefault(module, threading.RLock()), at_rest(module):
        yield


@contextmanager
def at_rest(module: nn.Module) -> Iterator[None]:
    """While open, the module is in evaluation mode and its parameters need no gradient."""
    training = [(one, one.training) for one in module.modules()]
    following = [(one, one.requires_grad) for one in module.parameters()]
    module.eval()
    try:
        for parameter, _ in following:
            parameter.requires_grad = False
        yield
    finally:
        for one, mode in training:
            one.training = mode
        for parameter, needed in following:
            parameter.requires_grad = needed
