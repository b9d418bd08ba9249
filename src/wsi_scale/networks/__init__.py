"""Networks, the cards that describe them, and the sources they come from. torch lives here.

A source module declares

    NAME       the word it is known by, e.g. ``timm``
    GRAMMAR    one line of SPEC grammar for people
    accepts(spec) -> bool
    load(spec) -> Network        raises NetworkError with one sentence
    example(folder) -> spec      a small network it can load, for the contract test
"""

from __future__ import annotations

import sys
from types import ModuleType

from wsi_scale.registry import modules_of


def all_sources() -> dict[str, ModuleType]:
    """Every source of networks, by name, in the order they are asked."""
    return modules_of(sys.modules[__name__])
