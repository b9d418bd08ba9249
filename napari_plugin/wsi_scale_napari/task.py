"""Runs small tasks in threads; a timer hands over their results in the window's thread."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from qtpy.QtCore import QObject, QTimer

from wsi_scale_napari.cores import SHORT_TURNS, give_way
from wsi_scale_napari.work import RunFailure, explain_failure

T = TypeVar("T")

TICK_MS = 85
"""The screen is updated at most 12 times a second."""


class Task(Generic[T]):
    """Starts a function at once in its own thread. Never raises."""

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
        except BaseException as error:  # nobody catches a thread's exception
            self.failure = explain_failure(error)

    @property
    def done(self) -> bool:
        return not self._thread.is_alive()


class Tasks(QObject):
    """Running tasks by name; a newer task replaces one of the same name."""

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
        """Start a function now; later call ``told`` with its task, in the window's thread."""
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
        """Drop all tasks without waiting for them."""
        self._timer.stop()
        self._under_way.clear()
