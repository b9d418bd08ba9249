"""Finds readers, estimators and network sources: every file in their folder is one."""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType


def modules_of(package: ModuleType) -> dict[str, ModuleType]:
    """Modules of a package that declare a ``NAME``, by that name, in the order of ``ORDER``."""
    found = [
        importlib.import_module(f"{package.__name__}.{info.name}")
        for info in pkgutil.iter_modules(package.__path__)
        if not info.name.startswith("_")
    ]
    named = [module for module in found if hasattr(module, "NAME")]
    return {m.NAME: m for m in sorted(named, key=lambda m: (getattr(m, "ORDER", 100), m.NAME))}
