"""The networks of the reproduction, by name, and how each is fetched."""

from __future__ import annotations

import copy
import math
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import torch

from wsi_scale.errors import NetworkError
from wsi_scale.networks import Network, load_network
from wsi_scale.thesis.names import FAMILY, Member

SHIPPED = Path(__file__).parent / "networks"
"""Trained by ``wsi-scale thesis train``; their cards say with which options."""

BUNDLED = "figures-5-decayed"
"""This one is the bundled network ``figures``."""


def card_of(member: Member, folder: Path | None) -> str:
    """The SPEC of a trained member: in the folder asked for, else shipped, else bundled.

    Raises NetworkError with the command that trains it when it is nowhere.
    """
    trained = member.trained_name
    for home in (folder, SHIPPED):
        if home is not None and (home / trained / "card.toml").exists():
            return str(home / trained / "card.toml")
    if trained == BUNDLED:
        return "figures"
    raise NetworkError(
        f"there is no trained network {trained} in {folder or SHIPPED}; "
        "train it with wsi-scale thesis train"
    )


@lru_cache(maxsize=64)
def load_member(name: str, folder: Path | None) -> Network:
    """The network of that name, on the CPU, its pixels kept channels-last, which is faster."""
    member = FAMILY[name]
    network = load_network(card_of(member, folder), device="cpu")
    if member.random:
        network = random_weights(network, seed=round(member.scale * 10))
    network.module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network


def random_weights(network: Network, seed: int) -> Network:
    """The same network with the weights of its convolutions and head freshly drawn. Biases, and
    BatchNorm's statistics, scale and shift, stay as they were trained."""
    module = copy.deepcopy(network.module)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for part in module.modules():
            if isinstance(part, torch.nn.Conv2d | torch.nn.Linear):
                spread = 1 / math.sqrt(part.weight[0].numel())
                part.weight.uniform_(-spread, spread, generator=generator)
    calls = tuple(replace(c, module=module.get_submodule(c.name)) for c in network.calls)
    return replace(network, module=module, calls=calls)
