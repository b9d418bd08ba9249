"""Tiles for torch: a Dataset that DataLoader workers may share, forked or spawned."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.utils.data import Dataset

from wsi_scale.errors import SettingsError
from wsi_scale.networks.network import Network
from wsi_scale.tiling.cut import Tiles


class TileDataset(Dataset[tuple[Any, int]]):
    """Pairs (image, index) of tiles: the image as asked for, the index into ``tiles``.

    The image is a (3, size, size) uint8 tensor, RGB; with ``network`` what that network expects,
    (channels, size, size) float32 on the CPU; with ``transform`` alone whatever that returns.
    Pickles as its parts do, so with spawned workers ``transform`` is a function of a module, not a
    lambda. Every worker opens the slide for itself; keep the slide open until they are done.
    """

    def __init__(
        self,
        tiles: Tiles,
        *,
        network: Network | None = None,
        transform: Callable[[NDArray[np.uint8]], Any] | None = None,
    ) -> None:
        """Serve tiles.

        network: whose card says how to scale and normalise; its weights stay where they are.
        transform: gets the pixels, (size, size, 3) uint8; before the network's preparation, for
            which it returns such an array again.
        Raises SettingsError when the network takes no patches of the tiles' size.
        """
        self.tiles = tiles
        self.transform = transform
        self._feeder = None if network is None else _without_weights(network, tiles.size)

    def __len__(self) -> int:
        return len(self.tiles)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        pixels: Any = self.tiles[index].pixels
        if self.transform is not None:
            pixels = self.transform(pixels)
        if self._feeder is not None:
            return self._feeder.prepare(np.asarray(pixels)[None])[0], index
        if self.transform is not None:
            return pixels, index
        return torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1))), index


def _without_weights(network: Network, size: int) -> Network:
    """What prepares patches for the network, small and on the CPU, to be sent to workers."""
    if network.input_size not in (None, size):
        raise SettingsError(
            f"{network.name} takes patches of {network.input_size} px, not {size}; cut tiles with "
            f"size={network.input_size}"
        )
    if size % network.stride:
        raise SettingsError(
            f"{network.name} takes patches whose side is a multiple of {network.stride} px, "
            f"not {size}"
        )
    cpu = torch.device("cpu")
    return replace(network, module=nn.Identity(), device=cpu, calls=(), head=None)
