"""Networks whose right scale is known without training."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from wsi_scale.networks.build import build_network
from wsi_scale.networks.card import Card
from wsi_scale.networks.network import Network


class LaplacianNet(nn.Module):
    """A scale-normalised Laplacian-of-Gaussian filter as large as the patch, and a linear head.

    Input (N, 1, size, size), output (N, 1). The filter's centre is the patch's centre, also between
    pixels. Its weights add up to 0, so a constant patch gives 0.
    """

    def __init__(self, sigma_px: float, size: int) -> None:
        super().__init__()
        self.filter = nn.Conv2d(1, 1, size, bias=False)
        self.head = nn.Linear(1, 1, bias=False)
        offset = torch.arange(size, dtype=torch.float64) - (size - 1) / 2
        square = (offset[:, None] ** 2 + offset[None, :] ** 2) / (2 * sigma_px**2)
        weight = (square - 1) * torch.exp(-square) / (math.pi * sigma_px**2)
        with torch.no_grad():
            self.filter.weight.copy_((weight - weight.mean())[None, None])
            self.head.weight.fill_(1)

    def forward(self, x: Tensor) -> Tensor:
        """Response at the centre, (N, 1); positive for a dark disc."""
        return self.head(self.filter(x).flatten(1))  # type: ignore[no-any-return]


def analytic_network(sigma_px: float) -> Network:
    """A network whose response to a disc of radius r level-0 px is largest at scale r / (σ √2).

    It responds to what is at the centre of the patch, so sites belong on the centres of the discs.

    Parameters
    ----------
    sigma_px : float
        Width σ of its filter, network px.

    Returns
    -------
    Network
        For grey patches (one channel) whose side is 10 σ, rounded up to an even number, at least
        16 px.

    Notes
    -----
    Source: Lindeberg, Feature detection with automatic scale selection, 1998, section 5.

    Examples
    --------
    >>> analytic_network(4.0).input_size
    40
    """
    size = max(16, 2 * math.ceil(5 * sigma_px))
    card = Card(name=f"analytic-{sigma_px:g}", input_size=size, channels=1, classes=("disc",))
    return build_network("analytic", LaplacianNet(sigma_px, size), card)


class BatchNormNet(nn.Module):
    """Two convolutions with BatchNorm, the mean over all pixels, and a linear head."""

    def __init__(self, classes: int = 3) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 6, 3, padding=1)
        self.norm1 = nn.BatchNorm2d(6, momentum=None)
        self.conv2 = nn.Conv2d(6, 8, 3, padding=1)
        self.norm2 = nn.BatchNorm2d(8, momentum=None)
        self.head = nn.Linear(8, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, classes) of images (N, 3, H, W)."""
        x = torch.relu(self.norm1(self.conv1(x)))
        x = torch.relu(self.norm2(self.conv2(x)))
        return self.head(x.mean((2, 3)))  # type: ignore[no-any-return]


def batchnorm_network(seed: int, patches: NDArray[np.uint8]) -> Network:
    """A small network with random weights and the BatchNorm statistics of the given patches.

    The patches stand for its training data. So the right scale of a slide is the one at which it
    looks like them.

    Parameters
    ----------
    seed : int
        Seed of the weights.
    patches : numpy.ndarray
        RGB, (N, H, W, 3) uint8.

    Returns
    -------
    Network
        Three classes, on RGB patches of any size.

    Examples
    --------
    >>> patches = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3)).astype(np.uint8)
    >>> batchnorm_network(0, patches).name
    'batchnorm-0'
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module = BatchNormNet()
    with torch.no_grad():
        module.train()(torch.tensor(patches).permute(0, 3, 1, 2).float() / 255)
    return build_network("batchnorm", module, Card(name=f"batchnorm-{seed}"))
