"""What is fuzzed. Every file ``targets_*.py`` of this folder lists its own in ``TARGETS``."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
CASES = HERE.parent / "cases"


@dataclass(frozen=True)
class Target:
    """One reader or parser.

    A case is fine if ``read`` returns, or raises an error of ``allowed`` whose message is one line.
    """

    name: str
    ending: str
    """Of the file that holds the input, for example ``.json``."""
    seeds: Callable[[], list[bytes]]
    """Good inputs; called once."""
    read: Callable[[Path], object]
    """Reads the file, as a command would."""
    text: bool = False
    """Whether inputs are text; they are then damaged by words rather than by bytes."""
    allowed: tuple[type[Exception], ...] = ()
    """Errors that ``read`` may raise besides WsiScaleError."""
    may_die: Callable[[Path], bool] = lambda _: False
    """Whether wsi-scale reads such a file in a process of its own, which may die."""
    most_mib: float | None = None
    """What a case may hold, where that is more than usual because what it names is built."""
    cost: int = 1
    """Slow ones get so many times fewer cases."""


def all_targets() -> dict[str, Target]:
    """Every target by name."""
    if str(HERE) not in sys.path:
        sys.path.insert(0, str(HERE))
    found: dict[str, Target] = {}
    for path in sorted(HERE.glob("targets_*.py")):
        for target in importlib.import_module(path.stem).TARGETS:
            found[target.name] = target
    return found
