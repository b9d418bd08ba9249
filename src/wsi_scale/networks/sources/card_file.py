"""Networks described by a ``card.toml``, named by the file or by the folder it lies in."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from wsi_scale.errors import NetworkError
from wsi_scale.networks.card import Card, load_card
from wsi_scale.networks.sources.assemble import settle
from wsi_scale.networks.spec import parse_spec, refuse_address
from wsi_scale.networks.trust import KEY

if TYPE_CHECKING:
    from wsi_scale.networks.network import Network

NAME = "card"
GRAMMAR = "PATH/card.toml, or the folder it lies in"
ORDER = 30


def accepts(spec: str) -> bool:
    """True for a path ending in .toml, and for a folder that holds a card.toml."""
    target = spec.partition("?")[0]
    return target.lower().endswith(".toml") or os.path.isfile(os.path.join(target, "card.toml"))


def load(spec: str, card: Card | None = None) -> Network:
    """The network that the card's ``source`` names, fed as the card says."""
    asked = parse_spec(spec)
    if card is not None:
        raise NetworkError(f"the source of a card cannot be another card: {spec}")
    path = Path(asked.target)
    return load_described(path if path.suffix.lower() == ".toml" else path / "card.toml", spec)


def load_described(path: Path, spec: str) -> Network:
    """The network of one card file, known by the SPEC that named it."""
    from wsi_scale.networks.sources import find_source

    asked = parse_spec(spec)
    trusted = asked.arguments.get(KEY) is True
    replace(
        asked, arguments={k: v for k, v in asked.arguments.items() if k != KEY}
    ).refuse_arguments("a card")
    own = load_card(path)
    folder = path.parent
    for named in (own.weights, own.profile):
        refuse_address(named or "")
    beside = {key: getattr(own, key) for key in ("weights", "profile") if getattr(own, key)}
    own = own.model_copy(update={key: str(folder / name) for key, name in beside.items()})
    card = settle(asked, own)
    if not card.source:
        raise NetworkError(
            f"{path} names no source; add source = with a SPEC, or with a file in the same folder"
        )
    if not card.name:
        card = card.model_copy(update={"name": folder.name or path.name})
    inner = parse_spec(card.source)
    if "weights" in inner.overrides:
        raise NetworkError(f"{path}: give weights as a key of the card, not inside source")
    source = card.source
    beside_it = os.path.exists(folder / inner.target)
    if ":" not in inner.target and (Path(inner.target).suffix or beside_it):
        source = str(folder / inner.target) + source.removeprefix(inner.target)
    network: Network = find_source(source).load(source, card.trust(trusted))
    found = network.card  # says more, if the source is a description in another format
    full = card.with_known({key: getattr(found, key) for key in found.model_fields_set})
    return replace(network, spec=spec, card=full)


def example(folder: Path) -> str:
    """A card for a small classifier, with random weights in the same folder."""
    import torch
    from safetensors.torch import save_file

    from wsi_scale.networks.architectures import FiguresNet

    torch.manual_seed(0)
    module = FiguresNet(classes=2)
    save_file(module.state_dict(), folder / "weights.safetensors")
    (folder / "card.toml").write_text(
        'name = "example"\n'
        'source = "wsi_scale.networks.architectures:FiguresNet?classes=2"\n'
        'weights = "weights.safetensors"\n'
        'classes = ["disc", "square"]\n'
    )
    return str(folder / "card.toml")
