"""A card is data: which of the networks that it may name would run code, and who allows it.

The user's own words are trusted: a SPEC that was typed may name any Python function. A card comes
with weights from elsewhere, so its ``source`` may not, unless the SPEC that was typed says
``card.toml?trust=true`` (the command line's ``--trust CARD`` adds that).
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from wsi_scale.errors import NetworkError
from wsi_scale.networks.card import Card
from wsi_scale.networks.spec import Spec, expand_home

KEY = "trust"
"""Key of a SPEC's query; ``true`` trusts the card that the SPEC names."""

OWN = "wsi_scale.networks.architectures"
"""The only module whose classes any card may name."""

_WORD = re.compile(r"[\w.+-]*")
_FILES = ("checkpoint", "pretrained_", "cache_dir", "hub")
"""How those arguments of libraries begin that name files or addresses to load."""


def with_trust(spec: str, cards: Sequence[str | os.PathLike[str]]) -> str:
    """The SPEC, marked as trusted if its card is among these.

    Parameters
    ----------
    spec : str
        Names a network.
    cards : Sequence of str or os.PathLike
        Paths of ``card.toml`` files, or of the folders they lie in.

    Returns
    -------
    str
        The SPEC with ``trust=true``, or as it was without cards.

    Raises
    ------
    NetworkError
        When a card is not the one that the SPEC names.

    Examples
    --------
    >>> with_trust("nets/mine?mpp=0.5", ["nets/mine/card.toml"])
    'nets/mine?mpp=0.5&trust=true'
    """
    target, _, query = spec.partition("?")
    for card in cards:
        if _folder(str(card)) != _folder(target):
            raise NetworkError(
                f"--trust {card} is not the card of --network {spec}; "
                "give the card that the network comes from"
            )
    if not cards or f"{KEY}=true" in query.split("&"):
        return spec
    return f"{target}?{query}&{KEY}=true" if query else f"{target}?{KEY}=true"


def _folder(card: str) -> Path:
    """The folder of a card, by which two ways to name it are compared."""
    path = Path(expand_home(card)).resolve()
    return path.parent if path.name == "card.toml" else path


def refuse_code(asked: Spec, card: Card | None) -> None:
    """Raise NetworkError if the SPEC of a function comes from a card that was not trusted."""
    if card is None or card.is_trusted or asked.target.partition(":")[0] == OWN:
        return
    raise _refusal(card, f"Python code ({asked.target})")


def refuse_files(asked: Spec, card: Card | None) -> None:
    """Raise NetworkError if a library's model from an untrusted card takes more than plain values.

    Words and numbers choose among what the library has; paths, addresses and tables could make it
    open something else.
    """
    if card is None or card.is_trusted:
        return
    name = asked.target.partition(":")[2]
    for key, value in {"": name, **asked.arguments}.items():
        if key.startswith(_FILES) or not _is_plain(value):
            raise _refusal(card, f"a model of a library with {key or 'the name'} = {value!r}")


def _is_plain(value: Any) -> bool:
    if isinstance(value, list):
        return all(_is_plain(one) for one in value)
    return value is None or isinstance(value, int | float) or _WORD.fullmatch(value) is not None


def _refusal(card: Card, what: str) -> NetworkError:
    return NetworkError(
        f"the card of {card.name or 'this network'} wants to run {what}, and a card is data; read "
        "it, and if you trust whoever made it, repeat with --trust and the path of the card"
    )
