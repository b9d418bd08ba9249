"""Small things done in threads, and a timer that tells of them in the window's own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from qtpy.QtCore import QObject, QTimer

from wsi_scale_napari.cores import SHORT_TURNS, give_way
from wsi_scale_napari.work import RunFailure, explain_failure

T = TypeVar("T")

TICK_MS = 85
"""What is on the screen changes at most 12 times a second."""


class Task(Generic[T]):
    """Runs a function once, from now on, in a thread of its own. Never raises."""

    def __init__(self, function: Callable[[], T]) -> None:
        self._function = function
        self.result: T | None = None
        self.failure: RunFailure | None = None
        self._thread = threading.Thread(target=self._go, name="wsi-scale-task", daemon=True)
        self._thread.start()

    def _go(self) -> None:
        try:
            give_way()
            with SHORT_TURNS:
                self.result = self._function()
        except BaseException as error:  # a thread has nobody to raise to
            self.failure = explain_failure(error)

    @property
    def done(self) -> bool:
        return not self._thread.is_alive()


class Tasks(QObject):
    """Tasks under way, by name; a newer one of the same name wins."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._under_way: dict[str, tuple[Task[Any], Callable[[Any], None]]] = {}
        self._timer = QTimer(self)
        self._timer.setInterval(TICK_MS)
        self._timer.timeout.connect(self._tick)

    @property
    def busy(self) -> bool:
        return bool(self._under_way)

    def do(self, name: str, function: Callable[[], T], told: Callable[[Task[T]], None]) -> None:
        """Do something now, and hand the finished task over later, in the window's thread."""
        self._under_way[name] = (Task(function), told)
        self._timer.start()

    def _tick(self) -> None:
        done = {name: entry for name, entry in self._under_way.items() if entry[0].done}
        for name, (task, told) in done.items():
            del self._under_way[name]
            told(task)
        if not self._under_way:
            self._timer.stop()

    def forget(self) -> None:
        """Hear of nothing more."""
        self._timer.stop()
        self._under_way.clear()
