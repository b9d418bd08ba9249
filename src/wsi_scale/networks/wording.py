"""How other people's exceptions and long lists fit into one sentence."""

from __future__ import annotations

from collections.abc import Iterable

_LONGEST = 200


def brief(error: BaseException) -> str:
    """Type and first line of an exception, shortened: ``ValueError: depth must be 5``."""
    lines = str(error).strip().splitlines()
    first = lines[0].strip().rstrip(".") if lines else ""
    if len(first) > _LONGEST:
        first = first[: _LONGEST - 1] + "…"
    return f"{type(error).__name__}: {first}" if first else type(error).__name__


def listed(names: Iterable[str], most: int = 12) -> str:
    """Names joined by commas; beyond ``most`` only their number: ``a, b, … (1000 in all)``."""
    known = list(names)
    if len(known) <= most:
        return ", ".join(known) or "none"
    return f"{', '.join(known[:most])}, … ({len(known)} in all)"
