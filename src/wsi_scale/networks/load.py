"""Load the network of a SPEC onto a device."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from wsi_scale.errors import NetworkError
from wsi_scale.networks.absent import absent_network, is_absent
from wsi_scale.networks.sources import find_source
from wsi_scale.networks.spec import expand_home

if TYPE_CHECKING:
    import torch

    from wsi_scale.networks.network import Network

DEVICES = ("auto", "cpu", "cuda", "mps")


def load_network(spec: str, *, device: str = "auto") -> Network:
    """The network of a SPEC, in evaluation mode with frozen parameters.

    Parameters
    ----------
    spec : str
        Name of a bundled network, a file, or ``TARGET?key=value&key=value``;
        ``wsi-scale networks`` lists the forms.
    device : str
        ``auto`` (cuda, else mps, else cpu), ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.

    Returns
    -------
    Network
        On that device.

    Raises
    ------
    NetworkError
        When the network or the device cannot be found or used.

    Examples
    --------
    >>> from wsi_scale.networks import load_network
    >>> network = load_network("figures", device="cpu")
    >>> network.name, network.task, len(network.classes)
    ('figures', 'classify', 20)
    """
    chosen = choose_device(device)
    if is_absent(spec):
        return replace(absent_network(spec), device=chosen)
    from wsi_scale.networks.on_processor import lay_out

    found = expand_home(spec)
    network: Network = find_source(found).load(found)
    ready = replace(network, spec=spec).to(chosen)
    lay_out(ready.module, chosen)
    return ready


def choose_device(name: str) -> torch.device:
    """The torch device of a name.

    Parameters
    ----------
    name : str
        ``auto`` (cuda, else mps, else cpu), ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.

    Returns
    -------
    torch.device

    Raises
    ------
    NetworkError
        When the name is unknown, or this machine does not have the device.

    Examples
    --------
    >>> from wsi_scale.networks import choose_device
    >>> choose_device("cpu")
    device(type='cpu')
    """
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
        raise NetworkError(f"unknown device {name!r}; choose from {', '.join(DEVICES)}")
    if kind not in present or (number and int(number) >= torch.cuda.device_count()):
        raise NetworkError(f"this machine has no {name}; use --device {present[0]}")
    return torch.device(name)
