"""TernausNet (Iglovikov & Shvets 2018, arXiv 1801.05746): a U-Net whose encoder is VGG11.

Modules are named as in github.com/ternaus/TernausNet, so that its UNet11 checkpoints fit.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_VGG11 = ((64,), (128,), (256, 256), (512, 512), (512, 512))
_NAMES = (("conv1",), ("conv2",), ("conv3s", "conv3"), ("conv4s", "conv4"), ("conv5s", "conv5"))


class TernausNet(nn.Module):
    """The convolutions of VGG11, without BatchNorm, and a decoder of transposed convolutions.

    Input: (N, 3, H, W), sides multiples of 32. Output: (N, classes, H, W) logits.
    """

    def __init__(self, classes: int = 1, filters: int = 32) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = 3
        for widths, names in zip(_VGG11, _NAMES, strict=True):
            for width, name in zip(widths, names, strict=True):
                layers += [nn.Conv2d(before, width, 3, padding=1), nn.ReLU()]
                setattr(self, name, layers[-2])  # each has two names, there and so here
                before = width
            layers.append(nn.MaxPool2d(2))
        self.encoder = nn.Sequential(*layers)
        self.center = _Up(512, 16 * filters, 8 * filters)
        self.dec5 = _Up(512 + 8 * filters, 16 * filters, 8 * filters)
        self.dec4 = _Up(512 + 8 * filters, 16 * filters, 4 * filters)
        self.dec3 = _Up(256 + 4 * filters, 8 * filters, 2 * filters)
        self.dec2 = _Up(128 + 2 * filters, 4 * filters, filters)
        self.dec1 = _ConvRelu(64 + filters, filters)
        self.final = nn.Conv2d(filters, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, classes, H, W) of images (N, 3, H, W)."""
        kept: list[Tensor] = []
        for names in _NAMES:
            for name in names:
                x = F.relu(getattr(self, name)(x))
            kept.append(x)
            x = F.max_pool2d(x, 2)
        x = self.center(x)
        for up in (self.dec5, self.dec4, self.dec3, self.dec2, self.dec1):
            x = up(torch.cat([x, kept.pop()], 1))
        return self.final(x)  # type: ignore[no-any-return]


class _ConvRelu(nn.Module):
    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(before, after, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.conv(x))


class _Up(nn.Module):
    """A convolution and a transposed one that doubles the sides."""

    def __init__(self, before: int, middle: int, after: int) -> None:
        super().__init__()
        double = nn.ConvTranspose2d(middle, after, 3, 2, 1, output_padding=1)
        self.block = nn.Sequential(_ConvRelu(before, middle), double, nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        return self.block(x)  # type: ignore[no-any-return]
