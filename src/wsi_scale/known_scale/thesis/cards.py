"""Files of the reproduction's trained networks; without torch."""

from __future__ import annotations

import hashlib
import tomllib
from pathlib import Path

from wsi_scale.errors import NetworkError
from wsi_scale.known_scale.thesis.names import Member
from wsi_scale.networks.shipped import FOLDER

SHIPPED = Path(__file__).parent / "networks"
"""Networks trained by ``wsi-scale thesis train``; their cards list the options."""

BUNDLED = "figures-5-decayed"
"""This network is the bundled ``figures`` and is not stored twice."""

_BUNDLED_CARD = FOLDER / "figures" / "card.toml"


def card_of(member: Member, folder: Path | None) -> Path:
    """The card of a trained member: in the given folder, else shipped, else bundled.

    If there is none, raises NetworkError with the command that trains the network.
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
    """SHA-256 of the member's trained weights. Raises NetworkError if a file cannot be read."""
    card = card_of(member, folder)
    try:
        weights = card.parent / tomllib.loads(card.read_text(encoding="utf-8"))["weights"]
        return hashlib.sha256(weights.read_bytes()).hexdigest()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NetworkError(
            f"{card} or the weights it names cannot be read ({error}); train the network again"
        ) from error
