"""Stand-ins for the BatchNorms of networks that come as graphs, so that hooks can listen to them.

A graph calls an operator where an eager network has a BatchNorm module. The stand-in is a module
that calls the same operator with the same arguments, and holds the stored statistics under the
names that a BatchNorm has.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from wsi_scale.networks.probe import Opaque

_OPERATORS = """
batch_norm _batch_norm_impl_index native_batch_norm cudnn_batch_norm miopen_batch_norm
_native_batch_norm_legit _native_batch_norm_legit_no_training _batch_norm_no_update
"""
BATCH_NORMS = frozenset(_OPERATORS.split())
"""Operators whose first arguments are input, weight, bias, running mean and running variance."""


class StoredNorm(nn.Module):
    """Calls a BatchNorm operator; its buffers are the stored statistics."""

    def __init__(self, mean: Tensor, var: Tensor, batches: Tensor | None = None) -> None:
        super().__init__()
        self.register_buffer("running_mean", mean, persistent=False)
        self.register_buffer("running_var", var, persistent=False)
        self.register_buffer("num_batches_tracked", batches, persistent=False)

    def forward(self, x: Tensor, run: Callable[..., Any], *others: Any) -> Any:
        """What the operator returns for the input and its other arguments."""
        return run(x, *others)


def plant(root: nn.Module, name: str, norm: StoredNorm) -> str:
    """Put a stand-in at a dotted name below a module; the name that it got.

    A BatchNorm that the graph uses twice gets one stand-in for each use: ``bn``, ``bn_2``, …
    """
    *parents, last = name.split(".")
    at = root
    for part in parents:
        if part not in at._modules:
            at.add_module(part, Branch())
        at = at._modules[part]  # type: ignore[assignment]
    count = 1
    while (own := last if count == 1 else f"{last}_{count}") in at._modules or hasattr(at, own):
        count += 1
    at.add_module(own, norm)
    return ".".join([*parents, own])


class Branch(Opaque):
    """Only gives the stand-ins below it the names that they had."""
