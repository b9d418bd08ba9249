"""One file per slide format. Each is found by being here.

A reader module declares

    NAME     the word after ``--reader``
    ORDER    readers are tried in rising order
    accepts(source) -> bool      cheap: is it worth trying?
    open(source) -> Slide        raises SlideError with one sentence
    example(folder) -> source    writes a small slide it can open, for the contract test
"""

from __future__ import annotations

import sys
from types import ModuleType

from wsi_scale.registry import modules_of


def all_readers() -> dict[str, ModuleType]:
    """Every reader there is, by name, in the order they are tried."""
    return modules_of(sys.modules[__name__])
