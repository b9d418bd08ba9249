"""Which network a SPEC names: by its files, without loading it, or by its loaded state."""

from __future__ import annotations

import hashlib
import os
import tomllib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wsi_scale.errors import NetworkError
from wsi_scale.networks.shards import INDEX, files_of_weights
from wsi_scale.networks.shipped import FOLDER
from wsi_scale.networks.spec import expand_home

_DESCRIBED = (".json", ".yaml", ".yml", ".pt", ".ts", ".onnx", ".safetensors", ".bin", ".data")
_MOST_FILES = 200

if TYPE_CHECKING:
    from wsi_scale.networks.network import Network


def files_of_spec(spec: str) -> list[str]:
    """Existing files behind a SPEC: its own, those in its query, and those its card names.

    A bundled network's files are found by its name. Empty for a network that comes only from code.
    """
    target, _, query = expand_home(spec).partition("?")
    card = card_of(target)
    words = [
        str(card or target),
        *_described_files(target, card),
        *(part.partition("=")[2] for part in query.split("&")),
    ]
    if card is not None:
        values = _read_card(card).values()
        words += [str(card.parent / value) for value in values if isinstance(value, str)]
    files = list(dict.fromkeys(word for word in words if word and os.path.isfile(word)))
    for index in [name for name in files if name.endswith(INDEX)]:
        with suppress(NetworkError):  # loading it will report that
            files += [str(path) for path in files_of_weights(Path(index))[1:]]
    return list(dict.fromkeys(files))


def _described_files(target: str, card: Path | None) -> list[str]:
    """Descriptions and weights of a folder in another format, its sub-folders too."""
    if (card is not None and os.path.isfile(card)) or not target or not os.path.isdir(target):
        return []
    places = [place for part in ("*", "*/*") for place in sorted(Path(target).glob(part))]
    return [str(place) for place in places if place.suffix.lower() in _DESCRIBED][:_MOST_FILES]


def absolute_spec(spec: str) -> str:
    """The SPEC with absolute paths of the files that it names, so that it works from any folder.

    ``nets/card.toml`` becomes ``/home/me/nets/card.toml``. Words that are not files here stay as
    they are, and so do the names of bundled networks.

    >>> absolute_spec("figures?mpp=0.5")
    'figures?mpp=0.5'
    """
    target, mark, query = expand_home(spec).partition("?")
    card = card_of(target)
    if os.path.exists(target) and (card is None or FOLDER not in card.parents):
        target = os.path.abspath(target)
    parts = []
    for part in query.split("&"):
        key, equals, value = part.partition("=")
        if equals and os.path.isfile(value):
            value = os.path.abspath(value)
        parts.append(f"{key}{equals}{value}")
    return f"{target}{mark}{'&'.join(parts)}"


def profile_of_spec(spec: str) -> Path | None:
    """Path of the profile that the SPEC's card names; None if it names none."""
    card = card_of(spec.partition("?")[0])
    named = None if card is None else _read_card(card).get("profile")
    return card.parent / named if card is not None and isinstance(named, str) else None


def selective_of_spec(spec: str) -> float | None:
    """The value of ``selective`` in the SPEC's card; None without one."""
    card = card_of(spec.partition("?")[0])
    error = None if card is None else _read_card(card).get("selective")
    return float(error) if isinstance(error, (int, float)) else None


def card_of(target: str) -> Path | None:
    """The card of a SPEC without its query: bundled, in a folder, or the file itself."""
    target = expand_home(target)
    bundled = FOLDER / target / "card.toml"
    if target and os.path.isfile(bundled):
        return bundled
    card = Path(target) / "card.toml" if os.path.isdir(target) else Path(target)
    return card if card.suffix == ".toml" else None


def _read_card(card: Path) -> dict[str, Any]:
    """What a card says; empty if it cannot be read, because loading it will report that."""
    with suppress(OSError, ValueError, RecursionError):
        return tomllib.loads(card.read_text(encoding="utf-8"))
    return {}


def hash_files(files: Sequence[str]) -> str | None:
    """SHA-256 over all files, one after the other; None for no files."""
    whole = hashlib.sha256()
    for name in files:
        with open(name, "rb") as file:
            whole.update(hashlib.file_digest(file, "sha256").digest())
    return whole.hexdigest() if files else None


def hash_file(path: Path, expected: str | None) -> str:
    """SHA-256 of a file, in hex. Raises NetworkError if it is unreadable or not as expected."""
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise NetworkError(f"cannot read {path}: {error.strerror or error}") from error
    if expected is not None and found != expected:
        raise NetworkError(
            f"{path} has SHA-256 {found[:12]}… but its card says {expected[:12]}…; "
            "use the file that the card was written for, or correct sha256 in the card"
        )
    return found


def hash_weights(network: Network) -> str:
    """SHA-256 of the network's whole state: parameters and statistics."""
    import torch

    whole = hashlib.sha256()
    for name, values in network.module.state_dict().items():
        whole.update(f"{name} {tuple(values.shape)} {values.dtype}".encode())
        whole.update(values.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return whole.hexdigest()
