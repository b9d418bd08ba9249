"""What NumPy raises for a foreign, truncated or altered ``.npz`` file."""

from __future__ import annotations

import lzma
import zlib
from tokenize import TokenError
from zipfile import BadZipFile

NPZ_DAMAGE = (
    OSError,
    EOFError,
    BadZipFile,
    zlib.error,
    lzma.LZMAError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    RuntimeError,  # an encrypted zip, or a compression that zipfile does not know
    MemoryError,  # a header may declare any size
    SyntaxError,  # an array's header is a Python literal, which NumPy parses without running it
    TokenError,
)
"""Errors of ``numpy.load`` with ``allow_pickle=False``, and of reading the arrays."""
