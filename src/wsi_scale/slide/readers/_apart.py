"""A slide that another process reads, so that a library that dies there does not end this one.

Used for files whose library is written in C and whose structure nobody has checked before, such as
MRXS, DICOM and TIFFs with oddities. Answers are JSON and pixels, never pickles.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, get_type_hints

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from wsi_scale.errors import SlideError
from wsi_scale.slide.base import Slide

MOST_SECONDS = 300.0
"""A process that does not answer for so long is ended."""

_COMMAND = (sys.executable, "-P", str(Path(__file__).with_name("_apart_child.py")))
_PATIENCE = 10.0  # seconds to wait for a killed process to end

_alone = False


def read_here() -> None:
    """From now on this process reads every file itself, because nothing is lost if it dies."""
    global _alone
    _alone = True


def may_read_apart() -> bool:
    """Whether this process leaves doubtful files to another one."""
    return not _alone


def attributes_of(slide: Slide) -> dict[str, Any]:
    """What the class ``Slide`` says that every slide has, as values that JSON can hold."""
    return {
        name: TypeAdapter(kind).dump_python(getattr(slide, name), mode="json")
        for name, kind in get_type_hints(Slide).items()
    }


class ApartSlide(Slide):
    """A slide that processes of its own read: one for each thread that reads at a time."""

    def __init__(self, path: str, reader: str | None) -> None:
        self.path, self._asked = path, reader
        self._closed = False
        self._start()
        child = _Child(self.path, self._asked)
        for name, kind in get_type_hints(Slide).items():
            setattr(self, name, TypeAdapter(kind).validate_python(child.attributes[name]))
        self._idle.append(child)

    def _start(self) -> None:
        self._pid, self._lock = os.getpid(), threading.Lock()
        self._idle: list[_Child] = []

    def _read(self, level: int, x: int, y: int, width: int, height: int) -> NDArray[np.uint8]:
        child = self._take()
        raw = child.ask([level, x, y, width, height])  # a child that fails to answer is gone
        with self._lock:
            if not self._closed:
                self._idle.append(child)
        if self._closed:
            child.end()
        if isinstance(raw, str):
            raise SlideError(raw)
        return np.frombuffer(raw, np.uint8).reshape(height, width, 3)

    def _take(self) -> _Child:
        if self._closed:
            raise SlideError(f"{self.path} is closed; open it again")
        if self._pid != os.getpid():
            self._start()  # what the parent process started stays its own
        with self._lock:
            if self._idle:
                return self._idle.pop()
        return _Child(self.path, self._asked)

    def close(self) -> None:
        self._closed = True
        if self._pid == os.getpid():
            with self._lock:
                idle, self._idle = self._idle, []
            for child in idle:
                child.end()

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in self.__dict__.items() if k not in ("_idle", "_lock", "_pid")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._start()


class _Child:
    """A process that has opened the slide."""

    def __init__(self, path: str, reader: str | None) -> None:
        self._path = path
        paths = [os.path.abspath(part) for part in sys.path if part]
        self._process = subprocess.Popen(
            _COMMAND,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # libraries complain there; what matters is in the answer
            env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
            start_new_session=True,  # Ctrl-C in a terminal reaches the parent alone
        )
        opened = self.ask([path, reader])
        if isinstance(opened, str):
            self.end()
            raise SlideError(opened)
        self.attributes: dict[str, Any] = json.loads(opened)

    def ask(self, question: list[Any]) -> bytes | str:
        """The bytes of the answer, or the sentence of an error. Raises SlideError if it died."""
        try:
            assert self._process.stdin is not None
            self._process.stdin.write((json.dumps(question) + "\n").encode())
            self._process.stdin.flush()
            kind, length = json.loads(self._heard(1 << 6).rstrip())
            said = self._heard(length)
        except (OSError, ValueError, EOFError):
            raise SlideError(f"{self._path}: {self._obituary()}; copy it again") from None
        except BaseException:
            self.end()
            raise
        return said.decode() if kind == "error" else said

    def _heard(self, length: int) -> bytes:
        """The next bytes of the answer. Raises EOFError if the process ended or fell silent."""
        answers: IO[bytes] | None = self._process.stdout
        assert answers is not None
        found = bytearray()
        with selectors.DefaultSelector() as waiting:
            waiting.register(answers, selectors.EVENT_READ)
            while len(found) < length:
                if not waiting.select(MOST_SECONDS):
                    raise EOFError
                more = os.read(answers.fileno(), length - len(found))
                if not more:
                    raise EOFError
                found += more
        return bytes(found)

    def _obituary(self) -> str:
        """How the process ended."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(0.5)
        code = self._process.returncode
        self.end()
        if code is None:
            return f"the process that read it did not answer within {MOST_SECONDS:g} s"
        if code < 0:
            with suppress(ValueError):
                return f"the process that read it died of {signal.Signals(-code).name}"
        return f"the process that read it ended with code {code}"

    def end(self) -> None:
        """Kill the process and wait until it has ended."""
        with suppress(OSError):
            self._process.kill()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_PATIENCE)
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(OSError):
                assert pipe is not None
                pipe.close()
