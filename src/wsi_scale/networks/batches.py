"""Patches shown to a network a few at a time; fewer if memory runs out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import TypeVar
from weakref import WeakKeyDictionary

import torch
from torch import nn

from wsi_scale.networks.memory_errors import PatchMemoryError, is_out_of_memory
from wsi_scale.networks.network import Network
from wsi_scale.networks.on_processor import most_at_once

T = TypeVar("T")

_fits: WeakKeyDictionary[nn.Module, int] = WeakKeyDictionary()
"""The largest batch to try again with each network, after a larger one did not fit."""

log = logging.getLogger(__name__)


def in_batches(network: Network, count: int, size: int, run: Callable[[slice], T]) -> Iterator[T]:
    """What ``run`` gives for patches 0 to ``count``, up to ``size`` at a time, in order; on a
    processor a few at most.

    If memory runs out the size is halved, for this network from then on. Raises PatchMemoryError,
    one sentence, if a single patch does not fit.
    """
    size = most_at_once(size, network.device)
    size, start = min(size, _fits.get(network.module, size)), 0
    while start < count:
        part = slice(start, min(start + size, count))
        try:
            done = run(part)
        except (RuntimeError, MemoryError, PatchMemoryError) as error:
            if not is_out_of_memory(error):
                raise
            if size == 1:
                raise PatchMemoryError(
                    f"{network.name} ran out of memory on {network.device} with a single patch; "
                    "use a machine with more memory or a smaller network"
                ) from error
        else:
            yield done
            start = part.stop
            continue
        # after the except clause, whose exception would keep the batch's tensors alive
        size = max(1, (part.stop - part.start) // 2)
        _fits[network.module] = size
        log.warning("%s: memory ran out; now %d patches at once", network.name, size)
        if network.device.type == "cuda":
            torch.cuda.empty_cache()
