"""Which network a SPEC names, told by its files and without loading it."""

from __future__ import annotations

import hashlib
import os
import tomllib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from wsi_scale.bundled import FOLDER


def files_of_spec(spec: str) -> list[str]:
    """The SPEC's file, the files its query names, and those its card names; each as it is found.

    A bundled network's files are found by its name. Empty for a network that comes from code only.
    """
    target, _, query = spec.partition("?")
    card = _card_of(target)
    words = [str(card or target), *(part.partition("=")[2] for part in query.split("&"))]
    if card is not None:
        values = _read_card(card).values()
        words += [str(card.parent / value) for value in values if isinstance(value, str)]
    return list(dict.fromkeys(word for word in words if word and os.path.isfile(word)))


def profile_of_spec(spec: str) -> Path | None:
    """The profile that the SPEC's query, or else its card, names; None where there is none."""
    target, _, query = spec.partition("?")
    asked = dict(part.split("=", 1) for part in query.split("&") if "=" in part)
    if "profile" in asked:
        return Path(asked["profile"])
    card = _card_of(target)
    named = None if card is None else _read_card(card).get("profile")
    return card.parent / named if card is not None and isinstance(named, str) else None


def _card_of(target: str) -> Path | None:
    """The card of a SPEC without its query: bundled, in a folder, or the file itself."""
    bundled = FOLDER / target / "card.toml"
    if target and bundled.is_file():
        return bundled
    card = Path(target) / "card.toml" if os.path.isdir(target) else Path(target)
    return card if card.suffix == ".toml" else None


def _read_card(card: Path) -> dict[str, Any]:
    """What a card says; nothing where it cannot be read, which loading it will tell."""
    with suppress(OSError, ValueError):
        return tomllib.loads(card.read_text(encoding="utf-8"))
    return {}


def hash_files(files: Sequence[str]) -> str | None:
    """SHA-256 over all files, one after the other; None where there is none."""
    whole = hashlib.sha256()
    for name in files:
        with open(name, "rb") as file:
            whole.update(hashlib.file_digest(file, "sha256").digest())
    return whole.hexdigest() if files else None
