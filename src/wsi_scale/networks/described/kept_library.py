"""An architecture that a description names, only from libraries that are kept and installed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from wsi_scale.errors import NetworkError
from wsi_scale.networks.card import Card
from wsi_scale.networks.sources.assemble import (
    assemble,
    call_factory,
    import_optional,
    prepare_torchvision,
)
from wsi_scale.networks.spec import Spec
from wsi_scale.networks.wording import listed

if TYPE_CHECKING:
    from wsi_scale.networks.network import Network

PLACES = {
    "monai.networks.nets": "monai",
    "torchvision.models": "networks",
    "segmentation_models_pytorch": "networks",
}
"""Packages whose classes and functions are architectures, and the extra that installs each."""
_NO_DOWNLOADS = {
    "pretrained": False,
    "weights": None,
    "encoder_weights": None,
    "weights_backbone": None,
}


def build_from_library(spec: Spec, name: str, arguments: Mapping[str, Any], card: Card) -> Network:
    """A network of ``package:Class`` with plain arguments and the card's weights.

    Raises NetworkError for another package, a name that is no class or function of torch modules
    there, or arguments that are not plain. No pretrained weights are downloaded.
    """
    package, _, called = name.partition(":")
    place = next((x for x in PLACES if f"{package}.".startswith(f"{x}.")), None)
    if place is None or not called.isidentifier():
        raise NetworkError(
            f"{spec.text}: its architecture is {name}; only those of {listed(PLACES)} are run, so "
            "give it yourself as module:factory?weights=FILE"
        )
    prepare_torchvision(spec)
    import_optional(place.partition(".")[0], spec, PLACES[place])
    factory = getattr(import_optional(place, spec, PLACES[place]), called, None)
    home = str(getattr(factory, "__module__", ""))
    if not callable(factory) or not f"{home}.".startswith(f"{place}."):
        raise NetworkError(f"{spec.text}: {place} has no network {called!r}")
    try:
        plain = json.loads(json.dumps(dict(arguments)))
    except (TypeError, ValueError) as error:
        raise NetworkError(f"{spec.text}: the arguments of {called} are not plain") from error
    if any(isinstance(v, str) and set(v) & set(":/\\") for v in plain.values()):
        raise NetworkError(f"{spec.text}: the arguments of {called} name a file or an address")
    harmless = {k: _NO_DOWNLOADS.get(k, v) for k, v in plain.items()}
    return assemble(spec, call_factory(spec, factory, harmless), card)
