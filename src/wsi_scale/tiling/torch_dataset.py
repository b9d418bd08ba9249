"""Tiles for torch: a Dataset for a DataLoader, also with forked or spawned workers."""

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
    """Pairs (image, index): the image of a tile and its index into ``tiles``.

    The image is a (3, size, size) uint8 tensor, RGB. With ``network`` it is what that network
    expects, (channels, size, size) float32 on the CPU. With ``transform`` alone it is what that
    function returns. Every worker opens the slide itself; keep the slide open until all are done.

    Parameters
    ----------
    tiles : Tiles
        The tiles to serve.
    network : Network, optional
        Its card says how to scale and normalise images. Its weights stay where they are.
    transform : callable, optional
        Gets the pixels of a tile, (size, size, 3) uint8. With ``network`` it comes first and must
        return such an array. With spawned workers it must be a function of a module, because it is
        pickled.

    Raises
    ------
    SettingsError
        When the network does not take patches of the tiles' size.

    Examples
    --------
    >>> from wsi_scale import open_slide, tiles
    >>> with open_slide("synthetic:figures?width=800&height=600") as slide:
    ...     image, index = TileDataset(tiles(slide, scale=2.0, size=100))[3]
    >>> tuple(image.shape), index
    ((3, 100, 100), 3)
    """

    def __init__(
        self,
        tiles: Tiles,
        *,
        network: Network | None = None,
        transform: Callable[[NDArray[np.uint8]], Any] | None = None,
    ) -> None:
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
    """A copy of the network without weights, on the CPU, which only prepares patches in workers."""
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
