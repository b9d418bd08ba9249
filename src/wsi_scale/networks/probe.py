"""A trial run: which patch sides a network takes, and which of its modules it uses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from wsi_scale.errors import NetworkError
from wsi_scale.networks.card import Card

SMALLEST, LARGEST = 96, 224
"""Smallest and largest patch side in px for a network that takes any side."""

MOST_SIDE = 4096
"""No network sees a larger patch side in px; a card or a description that says so is wrong."""

DEFAULT_STRIDE = 32

PATCHES = 2
"""Patches in the trial run; shapes of calls start with this number."""

_FREE = ((32, (96, 160)), (64, (128, 192)))  # a stride, and two sides that no larger stride fits
_FIXED = (224, 256, 512, 384, 299, 336, 448, 128, 192, 160, 96, 64, 32, 28)


class CallError(NetworkError):
    """The network raised when it was called; the patch side may be the cause."""


@dataclass(frozen=True)
class Call:
    """One submodule that the trial run used."""

    name: str
    """Dotted name inside the network."""
    module: nn.Module
    takes: tuple[int, ...] | None
    """Shape of its first argument; None if that is not a tensor."""
    gives: tuple[int, ...] | None
    """Shape of its result; None if that is not a tensor."""

    @property
    def is_leaf(self) -> bool:
        """True if it holds no further modules."""
        return not any(True for _ in self.module.children())


class Opaque(nn.Module):
    """Base of modules inside which no Python hooks run."""


def is_hookable(module: nn.Module) -> bool:
    """False for TorchScript and other opaque modules, inside which no Python hooks run."""
    return not isinstance(module, torch.jit.ScriptModule | Opaque)


@contextmanager
def recorded_calls(module: nn.Module) -> Iterator[list[Call]]:
    """While open, record the first call of every submodule; the list is filled at the end."""
    calls: list[Call] = []
    order: dict[str, tuple[int, ...] | None] = {}
    gives: dict[str, tuple[int, ...] | None] = {}
    handles = []

    def shape(value: Any) -> tuple[int, ...] | None:
        return tuple(value.shape) if isinstance(value, Tensor) else None

    try:
        for name, one in module.named_modules() if is_hookable(module) else ():
            if not name or not is_hookable(one):
                continue

            def before(_: nn.Module, args: Any, name: str = name) -> None:
                order.setdefault(name, shape(args[0]) if args else None)

            def after(_: nn.Module, __: Any, result: Any, name: str = name) -> None:
                gives.setdefault(name, shape(result))

            handles += [
                one.register_forward_pre_hook(before),
                one.register_forward_hook(after),
            ]
        yield calls
        by_name = dict(module.named_modules())
        calls += [Call(n, by_name[n], takes, gives.get(n)) for n, takes in order.items()]
    finally:
        for handle in handles:
            handle.remove()


def find_size(card: Card, run: Callable[[int], Tensor]) -> tuple[int | None, int, int]:
    """Fixed side (None = any), stride, and a side that worked, all in px.

    run: shows patches of a given side to the network and returns the logits. If the card gives a
    side or a stride, only that is tried; else multiples of 32, of 64, then single common sides.
    Raises NetworkError when nothing works.
    """
    for key in ("input_size", "stride"):
        if (getattr(card, key) or 0) > MOST_SIDE:
            raise NetworkError(
                f"{key} = {getattr(card, key)} px, but patches are at most {MOST_SIDE} px wide; "
                f"correct it in the file that says so, or give {key}= in the SPEC"
            )
    if card.input_size is not None:
        run(card.input_size)
        return card.input_size, card.stride or 1, card.input_size
    strides = _FREE
    if card.stride is not None:
        side = -(-SMALLEST // card.stride) * card.stride
        run(side)
        return None, card.stride, side
    failed: list[CallError] = []
    for stride, sides in strides:
        try:
            for side in sides:
                run(side)
        except CallError as error:
            failed.append(error)
        else:
            return None, stride, sides[0]
    for side in _FIXED:
        try:
            run(side)
        except CallError as error:
            failed.append(error)
        else:
            return side, 1, side
    raise failed[-len(_FIXED)]


def take_channels(module: nn.Module) -> int | None:
    """Channels that the first convolution takes, 3 or 1; None for other numbers or without one."""
    for parameter in module.parameters():
        if parameter.ndim == 4:
            return parameter.shape[1] if parameter.shape[1] in (1, 3) else None
    return None
