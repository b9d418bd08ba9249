"""Leaves the window a processor core while networks run."""

from __future__ import annotations

import os
import threading
from types import TracebackType


class SparedCore:
    """While any run is inside, torch uses one core less, if there are several; when the last
    is out, as many as before. Runs may overlap: a cancelled one finishes its patch."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._before = 1

    def __enter__(self) -> None:
        import torch

        with self._lock:
            if self._inside == 0:
                self._before = torch.get_num_threads()
            self._inside += 1
            torch.set_num_threads(max(1, min(self._before, (os.cpu_count() or 2) - 1)))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        import torch

        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                torch.set_num_threads(self._before)


SPARED = SparedCore()
"""Shared by all runs of the program."""
