"""Fits other people's exceptions and long lists into one sentence."""

from __future__ import annotations

from collections.abc import Iterable

from wsi_scale.errors import NetworkError

_LONGEST = 200
_SHORTEST = 60


def brief(error: BaseException) -> str:
    """Type and first line of an exception, shortened.

    >>> brief(ValueError("depth must be 5"))
    'ValueError: depth must be 5'
    """
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    # TorchScript says what happened last, after a traceback
    first = lines[-1 if "TorchScript interpreter" in lines[0] else 0].rstrip(".") if lines else ""
    if len(first) > _LONGEST:
        whole, stop, _ = first[:_LONGEST].rpartition(". ")  # whole sentences, if there are any
        first = whole if stop else first[: _LONGEST - 1] + "…"
    kind, first = type(error).__name__, printable(first)
    return f"{kind}: {first.removeprefix(f'{kind}: ')}" if first else kind


def only_weights(path: str) -> NetworkError:
    """The refusal of a file that holds weights and no network."""
    return NetworkError(
        f"{path} holds weights but not the network that they belong to; "
        f"use package.module:factory?weights={path}"
    )


def printable(text: str) -> str:
    """A text of a file without control characters, which a terminal would obey.

    >>> printable("a" + chr(27) + "[2Jb")
    'a\ufffd[2Jb'
    """
    return "".join(one if one.isprintable() else "\ufffd" for one in text)


def shortened(value: object) -> str:
    """A value as Python writes it, cut in the middle of nowhere if it is long.

    >>> shortened("unet"), shortened("x" * 1000)[-3:]
    ("'unet'", 'xx…')
    """
    try:
        text = repr(value)
    except ValueError:  # an integer with more digits than Python prints
        return f"{type(value).__name__} of many digits"
    return text if len(text) <= _SHORTEST else f"{text[: _SHORTEST - 1]}…"


def listed(names: Iterable[str], most: int = 12) -> str:
    """Names joined by commas; beyond ``most``, only their number.

    >>> listed(["a", "b"]), listed("abcd", most=2)
    ('a, b', 'a, b, … (4 in all)')
    """
    known = list(names)
    if len(known) <= most:
        return ", ".join(known) or "none"
    return f"{', '.join(known[:most])}, … ({len(known)} in all)"
