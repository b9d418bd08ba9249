"""Which network a SPEC names, told by its files and without loading it."""

from __future__ import annotations

import hashlib
import os
import tomllib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import wsi_scale

_BUNDLED = Path(wsi_scale.__file__).parent / "networks" / "bundled"


def files_of_spec(spec: str) -> list[str]:
    """The SPEC's file, the files its query names, and those its card names; each as it is found.

    A bundled network's files are found by its name. Empty for a network that comes from code only.
    """
    target, _, query = spec.partition("?")
    bundled = _BUNDLED / target / "card.toml"
    if target and bundled.is_file():
        target = str(bundled)
    words = [target, *(part.partition("=")[2] for part in query.split("&"))]
    card = Path(target) / "card.toml" if os.path.isdir(target) else Path(target)
    if card.suffix == ".toml":
        words.append(str(card))
        with suppress(OSError, ValueError):
            values = tomllib.loads(card.read_text(encoding="utf-8")).values()
            words += [str(card.parent / value) for value in values if isinstance(value, str)]
    return list(dict.fromkeys(word for word in words if word and os.path.isfile(word)))


def hash_files(files: Sequence[str]) -> str | None:
    """SHA-256 over all files, one after the other; None where there is none."""
    whole = hashlib.sha256()
    for name in files:
        with open(name, "rb") as file:
            whole.update(hashlib.file_digest(file, "sha256").digest())
    return whole.hexdigest() if files else None
