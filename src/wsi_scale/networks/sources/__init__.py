"""One file per source of networks, each found by being here; torch is loaded by ``load`` alone.

A source module declares

    NAME       the word it is known by, e.g. ``timm``
    GRAMMAR    one line of SPEC grammar for people
    ORDER      sources are asked in rising order; 100 when absent
    accepts(spec) -> bool
    load(spec, card=None) -> Network    raises NetworkError with one sentence
    example(folder) -> spec             a small network it can load, for the contract test

``docs/adding-a-network-source.md`` walks through one.
"""

from __future__ import annotations

import sys
from types import ModuleType

from wsi_scale.errors import NetworkError
from wsi_scale.plumbing.registry import modules_of


def all_sources() -> dict[str, ModuleType]:
    """Every source of networks, by name, in the order they are asked."""
    return modules_of(sys.modules[__name__])


def find_source(spec: str) -> ModuleType:
    """The first source that accepts a SPEC. Raises NetworkError with the grammar there is."""
    if not spec:
        raise NetworkError("the network's SPEC is an empty word; see wsi-scale networks")
    sources = all_sources().values()
    for source in sources:
        if source.accepts(spec):
            return source
    grammar = "; ".join(source.GRAMMAR for source in sources)
    raise NetworkError(f"{spec!r} is no network and no file of one; a SPEC is one of: {grammar}")
