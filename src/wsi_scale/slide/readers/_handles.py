"""A library's open file, one per process: what keeps slides alive across forks and pickling."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from wsi_scale.errors import SlideError

T = TypeVar("T")

_INHERITED: list[Any] = []
"""Handles of a parent process, kept so that nothing closes them in this one."""


class Handle(Generic[T]):
    """Opens on first use, and again in every process that comes to hold it.

    opener: opens the file; must be picklable. name: the slide, for messages.
    A handle inherited through a fork is neither used nor closed there: its locks and file
    offsets belong to the parent.
    """

    def __init__(self, opener: Callable[[], T], closer: Callable[[T], None], name: str) -> None:
        self._opener, self._closer, self._name = opener, closer, name
        self._closed = False
        self._start()

    def _start(self) -> None:
        self._pid = os.getpid()
        self._opened: T | None = None
        self.lock = threading.RLock()
        """For libraries whose handles are not safe between threads."""

    def get(self) -> T:
        """The file as this process has it open. SlideError once it has been closed."""
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
        """Open afresh next time. The failed one is left to whichever thread still reads it."""
        with self.lock:
            if self._opened is failed:
                self._opened = None

    def another(self) -> T:
        """A second open file that no other thread shares; whoever asks closes it."""
        return self._opener()

    def close(self) -> None:
        """Release the file; harmless when repeated, or when another process opened it."""
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
