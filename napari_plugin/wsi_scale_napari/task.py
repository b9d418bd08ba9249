"""Something small done in a thread: its result, or why there is none, is asked for."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from wsi_scale_napari.work import Failure, explain_failure

T = TypeVar("T")


class Task(Generic[T]):
    """Runs a function once, from now on, in a thread of its own."""

    def __init__(self, function: Callable[[], T]) -> None:
        self._function = function
        self.result: T | None = None
        self.failure: Failure | None = None
        self._thread = threading.Thread(target=self._go, name="wsi-scale-task", daemon=True)
        self._thread.start()

    def _go(self) -> None:
        try:
            self.result = self._function()
        except BaseException as error:  # a thread has nobody to raise to
            self.failure = explain_failure(error)

    @property
    def done(self) -> bool:
        return not self._thread.is_alive()
