"""Networks, the cards that describe them, and the sources they come from. torch lives here.

A source module declares

    NAME       the word it is known by, e.g. ``timm``
    GRAMMAR    one line of SPEC grammar for people
    ORDER      sources are asked in rising order; 100 when absent
    accepts(spec) -> bool
    load(spec, card=None) -> Network    raises NetworkError with one sentence
    example(folder) -> spec             a small network it can load, for the contract test
"""

from __future__ import annotations

import sys
from dataclasses import replace
from types import ModuleType

import torch

from wsi_scale.bundled import bundled_names
from wsi_scale.errors import NetworkError
from wsi_scale.networks.card import Card, load_card
from wsi_scale.networks.layers import LayerChoice
from wsi_scale.networks.network import Network, build_network
from wsi_scale.registry import modules_of

__all__ = [
    "Card",
    "LayerChoice",
    "Network",
    "all_sources",
    "build_network",
    "bundled_names",
    "choose_device",
    "find_source",
    "load_card",
    "load_network",
]

DEVICES = ("auto", "cpu", "cuda", "mps")


def all_sources() -> dict[str, ModuleType]:
    """Every source of networks, by name, in the order they are asked."""
    return modules_of(sys.modules[__name__])


def find_source(spec: str) -> ModuleType:
    """The first source that accepts a SPEC. Raises NetworkError with the grammar there is."""
    if not spec:
        raise NetworkError("the network's SPEC is an empty word; see wsi-scale networks")
    sources = all_sources().values()
    for source in sources:
        if source.accepts(spec):
            return source
    grammar = "; ".join(source.GRAMMAR for source in sources)
    raise NetworkError(f"{spec!r} is no network and no file of one; a SPEC is one of: {grammar}")


def load_network(spec: str, *, device: str = "auto") -> Network:
    """The network of a SPEC, in evaluation mode with frozen parameters, on a device.

    device: ``auto`` (cuda, else mps, else cpu), ``cpu``, ``cuda``, ``cuda:N`` or ``mps``. Raises
    NetworkError when the network or the device is not there or not usable.
    """
    chosen = choose_device(device)
    network: Network = find_source(spec).load(spec)
    return replace(network, spec=spec).to(chosen)


def choose_device(name: str) -> torch.device:
    """The torch device of that name. Raises NetworkError if unknown or not in this machine."""
    present = ["cpu"]
    if torch.backends.mps.is_available():
        present.insert(0, "mps")
    if torch.cuda.is_available():
        present.insert(0, "cuda")
    if name == "auto":
        return torch.device(present[0])
    kind, _, number = name.partition(":")
    if kind not in DEVICES or (number and not (kind == "cuda" and number.isdigit())):
        raise NetworkError(f"unknown device {name!r}; there are {', '.join(DEVICES)}")
    if kind not in present or (number and int(number) >= torch.cuda.device_count()):
        raise NetworkError(f"this machine has no {name}; use --device {present[0]}")
    return torch.device(name)
