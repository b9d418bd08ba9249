"""From a SPEC to a network on a device."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from wsi_scale.errors import NetworkError
from wsi_scale.networks.sources import find_source

if TYPE_CHECKING:
    import torch

    from wsi_scale.networks.network import Network

DEVICES = ("auto", "cpu", "cuda", "mps")


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
    import torch

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
