"""Units of length in micrometres: one table for every format that names a unit."""

from __future__ import annotations

import re

UM_PER_INCH = 25400.0

_PREFIXES = {
    "": ("", 1.0),
    "k": ("kilo", 1e3),
    "h": ("hecto", 1e2),
    "da": ("deca", 1e1),
    "d": ("deci", 1e-1),
    "c": ("centi", 1e-2),
    "m": ("milli", 1e-3),
    "µ": ("micro", 1e-6),
    "n": ("nano", 1e-9),
    "p": ("pico", 1e-12),
    "f": ("femto", 1e-15),
}

_SYMBOLS = {f"{symbol}m": factor * 1e6 for symbol, (_, factor) in _PREFIXES.items()} | {
    "um": 1.0,
    "Å": 1e-4,
    "thou": UM_PER_INCH / 1000,
    "mil": UM_PER_INCH / 1000,
    "li": UM_PER_INCH / 12,
    "in": UM_PER_INCH,
    '"': UM_PER_INCH,
    "ft": UM_PER_INCH * 12,
    "yd": UM_PER_INCH * 36,
    "pt": UM_PER_INCH / 72,
}
"""Symbols, in which case matters: mm is not Mm."""

_WORDS = {
    f"{name}{meter}": factor * 1e6
    for name, factor in _PREFIXES.values()
    for meter in ("meter", "metre")
} | {
    "micron": 1.0,
    "angstrom": 1e-4,
    "inch": UM_PER_INCH,
    "inche": UM_PER_INCH,
    "foot": UM_PER_INCH * 12,
    "yard": UM_PER_INCH * 36,
}
"""Words in the singular; the plural's s is taken off first."""


def um_per(unit: str) -> float | None:
    r"""µm in one of a unit of length, whatever a format calls it; None for anything else.

    Symbols and words of OME-XML, OME-Zarr, ImageJ and TIFF are known, with either Greek letter for
    micro, with ``\u00B5`` as ImageJ escapes it, and as UTF-8 that was read as Latin-1.

    >>> um_per("µm"), um_per("Micrometers"), um_per("mm"), um_per("pixel")
    (1.0, 1.0, 1000.0, None)
    """
    name = re.sub(r"\\u00b5|\\u03bc|&micro;", "µ", unit.strip(), flags=re.IGNORECASE)
    name = name.replace("Âµ", "µ").replace("Î¼", "µ").replace("\N{GREEK SMALL LETTER MU}", "µ")
    name = name.replace("\N{ANGSTROM SIGN}", "Å")
    if name in _SYMBOLS:
        return _SYMBOLS[name]
    word = name.lower()
    return _WORDS.get(word, _WORDS.get(word.removesuffix("s")))
