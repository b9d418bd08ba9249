"""How much memory this process holds, and how it is ended when that is too much."""

from __future__ import annotations

import os
import sys
import threading
import time
from contextlib import suppress

TOO_MUCH = 86
"""Exit code of a process that held more memory than allowed."""

_MIB = 1 << 20
_LOOK_SECONDS = 0.1


def rest_mib() -> float | None:
    """Resident memory now, in MiB; None if the system does not report it."""
    with suppress(OSError, ValueError, IndexError), open("/proc/self/statm", "rb") as file:
        return round(int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / _MIB, 1)
    return None


def peak_mib() -> float | None:
    """The most memory this process ever held, in MiB; None if the system does not report it."""
    with suppress(OSError), open("/proc/self/status", encoding="ascii", errors="replace") as file:
        for line in file:
            if line.startswith("VmHWM:"):
                most = round(int(line.split()[1]) / 1024, 1)
                return max(most, rest_mib() or 0)  # the system updates its peak late
    try:
        import resource
    except ImportError:  # Windows
        return None
    return mib_of(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def mib_of(maxrss: int) -> float:
    """``ru_maxrss`` in MiB. On Linux a process starts with the value of its parent."""
    return round(maxrss / _MIB if sys.platform == "darwin" else maxrss / 1024, 1)


def end_above(gib: float) -> None:
    """From now on, end this process with TOO_MUCH as soon as it holds more than ``gib`` GiB.

    Memory is checked ten times a second. If the system does not report it, nothing is checked.
    """
    held = rest_mib if rest_mib() is not None else peak_mib
    if held() is None:
        return

    def watch() -> None:
        while (held() or 0) <= gib * 1024:
            time.sleep(_LOOK_SECONDS)
        os._exit(TOO_MUCH)

    threading.Thread(target=watch, daemon=True, name="wsi-scale-memory").start()
