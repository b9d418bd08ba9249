"""The class whose score is differentiated: named by the user, or chosen at every site."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from wsi_scale.errors import SettingsError
from wsi_scale.networks.wording import listed
from wsi_scale.plumbing.arrays import Floats

if TYPE_CHECKING:
    from wsi_scale.networks.network import Network


def find_target(network: Network, target: str | int | None) -> int | None:
    """Index of a class given by name or index.

    Parameters
    ----------
    network : Network
        Its ``classes`` are searched.
    target : str, int or None
        A class name, an index from 0, or an index as text.

    Returns
    -------
    int or None
        The index; None if ``target`` is None.

    Raises
    ------
    SettingsError
        When the network has no such class, the message lists its classes; or when it predicts none.

    Examples
    --------
    >>> from wsi_scale.networks import load_network
    >>> network = load_network("figures", device="cpu")
    >>> find_target(network, "red cross"), find_target(network, "2"), find_target(network, None)
    (2, 2, None)
    """
    if target is None:
        return None
    if not network.predicts:
        raise SettingsError(
            f"{network.name} predicts no classes (task = {network.task!r}), so there is no class "
            f"{target!r}; leave out --target"
        )
    if isinstance(target, str) and target in network.classes:
        return network.classes.index(target)
    index = int(target) if isinstance(target, int) or target.isdecimal() else -1
    if not 0 <= index < len(network.classes):
        raise SettingsError(
            f"{network.name} has no class {target!r}; choose from {listed(network.classes)}"
        )
    return index


def choose_target(network: Network, share: Floats, outputs: Floats) -> int:
    """The class with the largest share over all rows, except background; logits break ties.

    0 without rows or without classes.
    """
    if 0 in share.shape:
        return 0
    candidates = network.foreground
    totals, logits = share.sum(0, dtype=np.float64), outputs.sum(0, dtype=np.float64)
    return max(candidates, key=lambda k: (totals[k], logits[k]))
