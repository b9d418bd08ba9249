"""Reads one damaged input and says how that ended: fine, refused in a sentence, or a fault."""

from __future__ import annotations

import re
import time
import traceback
from dataclasses import dataclass
from pathlib import Path

from targets import Target

from wsi_scale.errors import WsiScaleError

MOST_CPU_S = 10.0
MOST_MIB = 1536.0
"""What a case may cost beyond what the process held before."""


@dataclass(frozen=True)
class Ending:
    """How a case ended."""

    kind: str
    """``read``, ``refused``, or what is wrong: ``traceback``, ``lines``, ``cpu``, ``memory``."""
    signature: str
    """The error without numbers and names, the same for all inputs of one cause."""
    cpu_s: float
    mib: float

    @property
    def is_fault(self) -> bool:
        return self.kind not in ("read", "refused")


def run_case(target: Target, path: Path) -> Ending:
    """Read a file as the target does."""
    before = _reset_peak()
    started = time.process_time()
    kind, signature = _outcome(target, path)
    cpu, grown = time.process_time() - started, _peak_mib() - before
    if cpu > MOST_CPU_S:
        kind, signature = "cpu", f"more than {MOST_CPU_S:g} s, then: {signature}"
    elif grown > (most := target.most_mib or MOST_MIB):
        kind, signature = "memory", f"more than {most:g} MiB, then: {signature}"
    return Ending(kind, f"{target.name} {kind}: {signature}"[:300], cpu, grown)


def _outcome(target: Target, path: Path) -> tuple[str, str]:
    try:
        target.read(path)
    except (WsiScaleError, *target.allowed) as error:
        text = str(error)
        if isinstance(error, WsiScaleError) and ("\n" in text or "\x1b" in text):
            return "lines", _general(text)
        return "refused", _general(text)
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)
        ours = [x for x in where if "/wsi_scale/" in x.filename] or where
        place = f"{Path(ours[-1].filename).name}:{ours[-1].name}"
        return "traceback", f"{type(error).__name__} in {place}"
    return "read", ""


def _general(text: str) -> str:
    """A message without the paths, numbers and quoted words of one input."""
    short = re.sub(r"/\S*/", "", text[:400])
    return re.sub(r"'[^']*'|\"[^\"]*\"|[-+]?[\d.]+\w*|\s+", " ", short)[:160]


def _reset_peak() -> float:
    """Forget the most memory held so far; returns what is held now, MiB."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return _peak_mib()
    return _status("VmRSS")


def _peak_mib() -> float:
    return _status("VmHWM")


def _status(name: str) -> float:
    """A line of /proc/self/status in MiB; 0 where there is none."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return 0.0
    found = [line for line in lines if line.startswith(name)]
    return float(found[0].split()[1]) / 1024 if found else 0.0
