"""Loads heavy libraries with as little effect on the window as possible."""

from __future__ import annotations

import ctypes
import importlib
import importlib.util
import os
import sys
from pathlib import Path


def wake_pandas() -> None:
    """Import pandas, which napari would import in the window's thread with the first Shapes
    layer."""
    importlib.import_module("pandas")


def wake_torch() -> None:
    """Import PyTorch, after the system has loaded its libraries.

    Python holds its global lock while it loads a library, so the window freezes for as long as the
    disk takes. A call through ctypes releases the lock. This works on Linux only; elsewhere the
    import loads everything.
    """
    if sys.platform == "linux" and "torch" not in sys.modules:
        _load_libraries()
    importlib.import_module("torch")


def _load_libraries() -> None:
    found = importlib.util.find_spec("torch")
    for folder in (found.submodule_search_locations or ()) if found else ():
        library = Path(folder) / "lib" / "libtorch_python.so"  # it needs all the others
        if library.is_file():
            system = ctypes.CDLL(None)
            system.dlopen.argtypes = [ctypes.c_char_p, ctypes.c_int]
            system.dlopen.restype = ctypes.c_void_p
            system.dlopen(bytes(library), os.RTLD_NOW)
