"""Networks: loaded from a SPEC, described by a card, shown patches, measured layer by layer.

Input: a SPEC, a card, or your own module. Output: a ``Network``, which returns logits and names
its layers. torch is imported only when a network is loaded. What published models want to be shown
is known by name, without their weights.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wsi_scale.plumbing.faces import open_when_asked

if TYPE_CHECKING:
    from wsi_scale.networks.build import build_network
    from wsi_scale.networks.card import Card, load_card
    from wsi_scale.networks.layers import LayerChoice
    from wsi_scale.networks.load import choose_device, load_network
    from wsi_scale.networks.network import Network
    from wsi_scale.networks.published_models import (
        FactSource,
        PublishedModel,
        all_published,
        find_published,
    )
    from wsi_scale.networks.shipped import bundled_names
    from wsi_scale.networks.sources import all_sources, find_source

__all__ = [
    "Card",
    "FactSource",
    "LayerChoice",
    "Network",
    "PublishedModel",
    "all_published",
    "all_sources",
    "build_network",
    "bundled_names",
    "choose_device",
    "find_published",
    "find_source",
    "load_card",
    "load_network",
]

__getattr__, __dir__ = open_when_asked(
    __name__,
    {
        "card": ("Card", "load_card"),
        "layers": ("LayerChoice",),
        "load": ("choose_device", "load_network"),
        "build": ("build_network",),
        "network": ("Network",),
        "published_models": ("FactSource", "PublishedModel", "all_published", "find_published"),
        "shipped": ("bundled_names",),
        "sources": ("all_sources", "find_source"),
    },
)
