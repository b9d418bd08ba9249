"""A library's open file, one per process, so that slides survive forks and pickling."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from wsi_scale.errors import SlideError

T = TypeVar("T")

_INHERITED: list[Any] = []
"""Handles of the parent process, kept so that this process never closes them."""


class Handle(Generic[T]):
    """A file that is opened on first use, once in every process that has the handle.

    opener: opens the file; must be picklable. closer: closes it. name: of the slide, for messages.
    A child process neither uses nor closes the file of its parent after a fork, because locks and
    file offsets belong to the parent.
    """

    def __init__(self, opener: Callable[[], T], closer: Callable[[T], None], name: str) -> None:
        self._opener, self._closer, self._name = opener, closer, name
        self._closed = False
        self._start()

    def _start(self) -> None:
        self._pid = os.getpid()
        self._opened: T | None = None
        self.lock = threading.RLock()
        """For libraries whose files must not be used by two threads at once."""

    def get(self) -> T:
        """The open file of this process. Raises SlideError once the handle is closed."""
        if self._closed:
            raise SlideError(f"{self._name} is closed; open it again")
        if self._pid != os.getpid():
            _INHERITED.append(self._opened)
            self._start()
        with self.lock:
            if self._opened is None:
                self._opened = self._opener()
            return self._opened

    def forget(self, failed: T) -> None:
        """Open the file again next time. A thread that still reads the failed file keeps it."""
        with self.lock:
            if self._opened is failed:
                self._opened = None

    def another(self) -> T:
        """A second open file that no other thread shares; the caller closes it."""
        return self._opener()

    def close(self) -> None:
        """Release the file. Harmless if repeated, or if another process opened the file."""
        self._closed = True
        if self._pid == os.getpid():
            with self.lock:
                opened, self._opened = self._opened, None
            if opened is not None:
                self._closer(opened)

    def __getstate__(self) -> dict[str, Any]:
        return {
            "_opener": self._opener,
            "_closer": self._closer,
            "_name": self._name,
            "_closed": self._closed,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._start()
