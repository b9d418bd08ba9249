"""What makes a network faster on a processor (benchmarks/results/default_run.md)."""

from __future__ import annotations

import torch
from torch import nn

IN_CACHE = 4
"""Patches at once, at most: more no longer fit into a processor's cache and take longer."""


def lay_out(module: nn.Module, device: torch.device) -> None:
    """On a processor, put the channels of convolutions last, which they are computed faster with.

    Nothing else is changed: not networks without convolutions, nor exported ones.

    >>> net = nn.Conv2d(3, 4, 3)
    >>> lay_out(net, torch.device("cpu"))
    >>> net.weight.is_contiguous(memory_format=torch.channels_last)
    True
    """
    if device.type == "cpu" and any(isinstance(one, nn.Conv2d) for one in module.modules()):
        module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def most_at_once(size: int, device: torch.device) -> int:
    """The batch size to use where ``size`` was asked for.

    >>> most_at_once(32, torch.device("cpu")), most_at_once(2, torch.device("cpu"))
    (4, 2)
    """
    return min(size, IN_CACHE) if device.type == "cpu" else size
