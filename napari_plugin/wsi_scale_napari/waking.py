"""Heavy libraries are loaded so that the window hardly notices."""

from __future__ import annotations

import ctypes
import importlib
import importlib.util
import os
import sys
from pathlib import Path


def wake_pandas() -> None:
    """Import what napari would import in the window's thread with the first layer of shapes."""
    importlib.import_module("pandas")


def wake_torch() -> None:
    """Import PyTorch; the system loads its libraries first.

    Python holds its lock while it loads a library, and the window stands still for as long as the
    disk takes. A call through ctypes lets the lock go. Linux only: elsewhere the import does all.
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
