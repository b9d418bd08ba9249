"""Keeps one child process, gives it slides, and turns whatever happens to them into rows."""

from __future__ import annotations

import json
import os
import queue
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import IO, Any

from wsi_scale.batch.memory import TOO_MUCH, mib_of, peak_mib
from wsi_scale.batch.row import Kind, Row, failed_row
from wsi_scale.errors import WsiScaleError

ATTEMPTS = 3
"""How often a slide is tried if its process dies. The cause may be the slide, or something else,
such as a machine short of memory."""

_COMMAND = (sys.executable, "-P", "-m", "wsi_scale.batch.child")
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
_LOAD_SECONDS = 600.0  # for a new process to load the network; not counted as a slide's time
_KILL = getattr(signal, "SIGKILL", 9)  # Windows has none
_PATIENCE = 10.0  # seconds to wait for a killed process to end
_LOOK_SECONDS = 0.01  # between two checks whether it has ended


class Stopped(Exception):  # noqa: N818  (a state, not an error)
    """The keeper was closed while a slide was being read."""


class _Died(Exception):  # noqa: N818
    """The child has ended."""

    def __init__(self, kind: Kind, clause: str, *, final: bool) -> None:
        super().__init__(clause)
        self.kind, self.clause, self.final = kind, clause, final
        self.peak_mib: float | None = None


class Keeper:
    """One child process at a time, replaced when it dies, grows too large or exceeds a limit.

    Memory, crashes and hangs of the child reach neither this process nor other children. ``close``
    may be called from another thread.
    """

    def __init__(self, command: Sequence[str] = _COMMAND) -> None:
        self._command = command
        self._child: _Child | None = None
        self._closed = False
        self._lock = threading.Lock()

    def row_of(self, task: Mapping[str, Any]) -> Row:
        """The row of the task's slide, whatever happens to it.

        Raises WsiScaleError for a fault that would fail every slide (the network, the settings, a
        process that dies before it has a slide), and Stopped once the keeper is closed.
        """
        path, last = task["path"], _Died("crash", "", final=False)
        started, peaks = time.monotonic(), []
        for attempt in range(1, ATTEMPTS + 1):
            try:
                reply = self.ask(task)
            except _Died as died:
                last = died
                peaks.append(died.peak_mib)
                if died.final:
                    break
                continue
            if "row" in reply:
                row: Row = reply["row"]
                peaks.append(row.get("process.peak_mib"))
                return row | _tried(peaks)
            kind, sentence = reply["failed"]
            peaks.append(reply.get("peak_mib"))
            if kind != "memory" or attempt == ATTEMPTS:
                return self._failed(task, kind, sentence, started) | _tried(peaks)
            self._let_go()  # gives back what the device still holds
        tries = "" if last.final else f", in each of {ATTEMPTS} tries"
        sentence = f"{path}: the process that read it {last.clause}{tries}"
        return self._failed(task, last.kind, sentence, started) | _tried(peaks)

    def check(self, task: Mapping[str, Any]) -> dict[str, Any]:
        """The name and the weights' hash of the task's network, as a child loads it.

        Raises WsiScaleError if the network cannot be used.
        """
        load = {**task, "path": None, "seconds": _LOAD_SECONDS}
        for attempt in range(1, ATTEMPTS + 1):
            try:
                found: dict[str, Any] = self._ask(load)["network"]
                return found
            except _Died as died:
                if died.final or attempt == ATTEMPTS:
                    raise WsiScaleError(
                        f"the process that loads the network {task['network']} {died.clause}"
                    ) from None
        raise AssertionError("not reached")

    def ask(self, task: Mapping[str, Any]) -> dict[str, Any]:
        """The child's reply about a slide; a new child loads the network first."""
        if self._child is None:
            self.check(task)
        return self._ask(task)

    def _ask(self, task: Mapping[str, Any]) -> dict[str, Any]:
        """The child's reply, unless it is fatal."""
        with self._lock:
            if self._closed:
                raise Stopped
            if self._child is None:
                self._child = _Child(self._command)
            child = self._child
        try:
            reply = child.ask(task)
        except _Died as died:
            self._let_go()
            if self._closed:
                raise Stopped from None
            died.peak_mib = child.peak_mib
            raise
        if reply.get("tired") or "fatal" in reply:
            self._let_go()
        if "fatal" in reply:
            raise WsiScaleError(reply["fatal"])
        return reply

    def close(self) -> None:
        """End the child, whatever it is doing."""
        with self._lock:
            self._closed = True
        self._let_go()

    def _let_go(self) -> None:
        with self._lock:
            child, self._child = self._child, None
        if child is not None:
            child.end()

    @staticmethod
    def _failed(task: Mapping[str, Any], kind: Kind, sentence: str, started: float) -> Row:
        return failed_row(kind, sentence) | {
            "path": task["path"],
            "process.host": socket.gethostname(),
            "process.seconds": round(time.monotonic() - started, 3),
        }


def _tried(peaks: Sequence[float | None]) -> Row:
    """The number of tries, and the most memory that a process held in any of them."""
    peak = max((x for x in peaks if x is not None), default=None)
    return {"process.attempts": len(peaks), "process.peak_mib": peak}


class _Child:
    """The process, and the thread that reads its replies."""

    def __init__(self, command: Sequence[str]) -> None:
        paths = [os.path.abspath(path) for path in sys.path if path]
        env = os.environ | {"PYTHONPATH": os.pathsep.join(paths)} | dict.fromkeys(_THREADS, "1")
        self._said: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - end() closes it
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            env=env,
            start_new_session=True,  # Ctrl-C in a terminal reaches the parent alone
        )
        self.peak_mib: float | None = None
        """The most memory it held, in MiB; known after its end, if the system reports it."""
        self._end = threading.Lock()
        self._replies: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._hearing = threading.Thread(target=self._hear, daemon=True)
        self._hearing.start()

    def ask(self, task: Mapping[str, Any]) -> dict[str, Any]:
        """The reply to a task. Raises _Died."""
        assert self._process.stdin is not None
        self._said.seek(0)
        self._said.truncate()
        with suppress(OSError):  # a child that has ended already is handled below
            self._process.stdin.write((json.dumps(task) + "\n").encode())
            self._process.stdin.flush()
        try:
            line = self._replies.get(timeout=task["seconds"])
        except queue.Empty:
            self.end()
            minutes = f"{task['seconds'] / 60:.3g}"
            raise _Died("time", f"did not finish within {minutes} min", final=True) from None
        with suppress(ValueError):
            if line is not None and isinstance(reply := json.loads(line), dict):
                return reply
        if line is not None:  # not a valid reply, so the process is of no use
            self._process.kill()
        raise self._obituary(task)

    def end(self) -> None:
        """Kill it and wait until it has ended."""
        with suppress(OSError):
            self._process.kill()
        self._wait()
        self._hearing.join(_PATIENCE)
        assert self._process.stdin is not None
        with suppress(OSError):
            self._process.stdin.close()
        if not self._said.closed:
            self._said.close()

    def _hear(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as replies:
            for line in replies:
                self._replies.put(line if line.endswith(b"\n") else None)
        self._replies.put(None)

    def _obituary(self, task: Mapping[str, Any]) -> _Died:
        """How the child ended."""
        code = self._wait()
        if code == TOO_MUCH:
            return _Died("memory", f"held more than {task['memory']:g} GiB", final=True)
        said = self._last_words()
        if code == -_KILL:
            return _Died("crash", "was killed, perhaps because memory ran out", final=False)
        if code is not None and code < 0:
            with suppress(ValueError):
                name = signal.Signals(-code).name
                return _Died("crash", f"died of {name}{said}", final=False)
        return _Died("crash", f"ended with code {code}{said}", final=False)

    def _wait(self) -> int | None:
        """Wait for its end. Returns the exit code, or None if it does not end."""
        with self._end, suppress(subprocess.TimeoutExpired, ChildProcessError):
            if not hasattr(os, "wait4"):  # Windows
                return self._process.wait(_PATIENCE)
            deadline = time.monotonic() + _PATIENCE
            while self._process.returncode is None and time.monotonic() < deadline:
                process, status, used = os.wait4(self._process.pid, os.WNOHANG)
                if process:
                    self._process.returncode = os.waitstatus_to_exitcode(status)
                    peak = mib_of(used.ru_maxrss)
                    # a child's count starts at what this process held when it started the child
                    self.peak_mib = peak if peak > 1.05 * (peak_mib() or 0) else None
                else:
                    time.sleep(_LOOK_SECONDS)
        return self._process.returncode

    def _last_words(self) -> str:
        """The most useful line of its stderr: a fatal error, else the last line."""
        try:
            self._said.seek(0)
            words = self._said.read()[-20_000:].decode(errors="replace")
        except ValueError:  # another thread has closed it
            return ""
        lines = [x.strip() for x in words.split("\n")]
        told = [x for x in lines if x.startswith("Fatal")] or [x for x in lines if x]
        return f" ({told[-1][:200]})" if told else ""
