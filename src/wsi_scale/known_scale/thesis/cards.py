"""Where the trained networks of the reproduction lie, and which they are; no torch."""

from __future__ import annotations

import hashlib
import tomllib
from pathlib import Path

from wsi_scale.errors import NetworkError
from wsi_scale.known_scale.thesis.names import Member
from wsi_scale.networks.shipped import FOLDER

SHIPPED = Path(__file__).parent / "networks"
"""Trained by ``wsi-scale thesis train``; their cards say with which options."""

BUNDLED = "figures-5-decayed"
"""This one is the bundled network ``figures``, and is not stored twice."""

_BUNDLED_CARD = FOLDER / "figures" / "card.toml"


def card_of(member: Member, folder: Path | None) -> Path:
    """The card of a trained member: in the folder asked for, else shipped, else bundled.

    Raises NetworkError with the command that trains it when it is nowhere.
    """
    trained = member.trained_name
    for home in (folder, SHIPPED):
        if home is not None and (card := home / trained / "card.toml").exists():
            return card
    if trained == BUNDLED:
        return _BUNDLED_CARD
    looked = SHIPPED if folder is None else f"{folder} or {SHIPPED}"
    raise NetworkError(
        f"there is no trained network {trained} in {looked}; train it with wsi-scale thesis train "
        f"--out DIR --scale {member.scale:g} --schedule {member.schedule}"
        + (" --filters 8,16,32" if member.wide else "")
        + " and name DIR with --networks"
    )


def sha256_of(member: Member, folder: Path | None) -> str:
    """Of the member's trained weights. Raises NetworkError when card or weights cannot be read."""
    card = card_of(member, folder)
    try:
        weights = card.parent / tomllib.loads(card.read_text(encoding="utf-8"))["weights"]
        return hashlib.sha256(weights.read_bytes()).hexdigest()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NetworkError(
            f"{card} or the weights it names cannot be read ({error}); train that network again"
        ) from error
