"""Loads the networks of the reproduction by name."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import torch

from wsi_scale.known_scale.thesis.cards import card_of
from wsi_scale.known_scale.thesis.names import FAMILY
from wsi_scale.networks.load import load_network
from wsi_scale.networks.network import Network
from wsi_scale.networks.untrained import random_weights


@lru_cache(maxsize=64)
def load_member(name: str, folder: Path | None) -> Network:
    """The network of that name on the CPU, in the channels-last layout, which is faster."""
    member = FAMILY[name]
    network = load_network(str(card_of(member, folder)), device="cpu")
    if member.random:
        network = random_weights(network, seed=round(member.scale * 10))
    network.module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network
