"""Memory that runs out while a network works, on any device."""

from __future__ import annotations

import torch

from wsi_scale.errors import NetworkError

_WORDS = (  # of RuntimeErrors: CUDA and MPS; the CPU, on Linux and on Windows; cuBLAS and cuDNN
    "out of memory",
    "can't allocate memory",
    "not enough memory",
    "ALLOC_FAILED",
)


class PatchMemoryError(NetworkError):
    """The patches that a network was shown at once do not fit into memory."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception says that memory ran out, on any device.

    >>> is_out_of_memory(RuntimeError("MPS backend out of memory")), is_out_of_memory(KeyError("x"))
    (True, False)
    """
    if isinstance(error, MemoryError | torch.OutOfMemoryError | PatchMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(word in str(error) for word in _WORDS)
