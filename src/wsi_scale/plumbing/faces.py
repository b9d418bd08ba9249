"""Lets a package show names of its files and load each at first use, so it imports quickly."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def open_when_asked(
    package: str, names: Mapping[str, tuple[str, ...]]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """``__getattr__`` and ``__dir__`` of a package that shows names of its files.

    package: its ``__name__``. names: file in the package -> names to show from that file.

    >>> get, names = open_when_asked("wsi_scale", {"errors": ("SlideError",)})
    >>> get("SlideError").__name__, names()
    ('SlideError', ['SlideError'])
    """
    where = {name: file for file, shown in names.items() for name in shown}

    def get(name: str) -> Any:
        if name in where:
            return getattr(import_module(f"{package}.{where[name]}"), name)
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    return get, lambda: sorted(where)
