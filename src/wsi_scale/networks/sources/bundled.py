"""Networks that come with wsi-scale, named by their folders in ``bundled``."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from wsi_scale.errors import NetworkError
from wsi_scale.networks.card import Card
from wsi_scale.networks.published_words import refuse_published
from wsi_scale.networks.shipped import FOLDER, bundled_names
from wsi_scale.networks.sources.card_file import load_described
from wsi_scale.networks.spec import parse_spec
from wsi_scale.networks.wording import listed

if TYPE_CHECKING:
    from wsi_scale.networks.network import Network

NAME = "bundled"
GRAMMAR = "NAME of a bundled network, e.g. figures"
ORDER = 10

_WORD = re.compile(r"[A-Za-z][\w-]*")


def accepts(spec: str) -> bool:
    """True for a bundled name, and for any single word that is not a file or folder."""
    target = spec.partition("?")[0]
    word = _WORD.fullmatch(target) is not None
    return target in bundled_names() or (word and not os.path.exists(target))


def load(spec: str, card: Card | None = None) -> Network:
    """The bundled network of that name. Raises NetworkError that lists the known names."""
    asked = parse_spec(spec)
    asked.refuse_arguments("a bundled network")
    asked.refuse_weights("a bundled network")
    if card is not None:
        raise NetworkError(f"the source of a card cannot be another card: {spec}")
    if asked.target not in bundled_names():
        refuse_published(asked.target)
        raise NetworkError(
            f"there is no bundled network {asked.target!r}; choose from {listed(bundled_names())}, "
            "or see wsi-scale networks for other sources"
        )
    return load_described(FOLDER / asked.target / "card.toml", spec)


def example(folder: Path) -> str:
    """The model problem's network."""
    return "figures"
