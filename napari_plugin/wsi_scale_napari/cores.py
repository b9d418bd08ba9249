"""Keeps the window responsive while networks run: leaves it a processor core and frequent turns."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Any

Number = int | float

SWITCH_S = 0.0001
"""Python's threads take turns this often. Drawing one frame needs a hundred turns. At the usual 5
ms each, a busy thread would delay it by half a second."""

NICE = 10
"""Niceness of a thread that gives way. If both want one core, it gets a tenth of the window's
share."""


class Lent:
    """A program-wide setting that is changed while at least one thread is inside the context, and
    restored when the last one leaves. Runs may overlap: a cancelled one finishes its patch."""

    def __init__(
        self,
        read: Callable[[], Number],
        write: Callable[[Any], None],
        wanted: Callable[[Any], Number],
    ) -> None:
        self._read = read
        self._write = write
        self._wanted = wanted
        self._lock = threading.Lock()
        self._inside = 0
        self._before: Number | None = None

    def __enter__(self) -> None:
        with self._lock:
            if self._before is None:
                self._before = self._read()
            self._inside += 1
            self._write(self._wanted(self._before))  # each time: torch keeps it per thread

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0 and self._before is not None:
                self._write(self._before)
                self._before = None


def give_way() -> None:
    """Lower the priority of this thread, and of those it starts, below that of the window's thread.

    Only Linux has priorities for single threads.
    """
    if sys.platform == "linux":
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)


def _torch_threads() -> int:
    import torch

    return torch.get_num_threads()


def _set_torch_threads(count: int) -> None:
    import torch

    torch.set_num_threads(count)


def _one_core_less(threads: int) -> int:
    return max(1, min(threads, (os.cpu_count() or 2) - 1))


CORE_SPARED = Lent(_torch_threads, _set_torch_threads, _one_core_less)
"""torch leaves one core free, if there are several."""

SHORT_TURNS = Lent(sys.getswitchinterval, sys.setswitchinterval, lambda usual: min(usual, SWITCH_S))
"""The window never waits long for its turn."""
