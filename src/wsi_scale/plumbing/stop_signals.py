"""What a program does when it is told to stop: Ctrl-C, SIGTERM and SIGHUP are the same to it.

Schedulers of clusters send SIGTERM before a job's time is over, and a lost connection SIGHUP.
"""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType

STOPS = ("SIGINT", "SIGTERM", "SIGHUP")
"""Signals that ask to stop; Windows has no SIGHUP."""

CANCELLED = 130
"""Exit code after any of them."""


def leave_quietly() -> None:
    """Until ``stop_by_exception``: end at once with one word.

    For the first second of a command, in which libraries are imported and nothing can be lost. Does
    nothing if another program imports this package.
    """
    name = os.path.basename(sys.argv[0]) if sys.argv else ""
    ours = any(word.startswith("wsi_scale.") for word in getattr(sys, "orig_argv", []))
    if name.startswith("wsi-scale") or (name == "-m" and ours):
        _listen(_leave)


def stop_by_exception() -> None:
    """From now on every signal that asks to stop raises KeyboardInterrupt, as Ctrl-C does."""
    _listen(_interrupt)


def ignore_stops() -> None:
    """For a process whose parent decides when it ends."""
    for name in STOPS:
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)


def _listen(handler: signal._HANDLER) -> None:
    for name in STOPS:
        number = getattr(signal, name, None)
        # a shell or nohup lets its children ignore some
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, handler)


def _leave(number: int, frame: FrameType | None) -> None:
    os.write(2, b"cancelled\n")
    os._exit(CANCELLED)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
