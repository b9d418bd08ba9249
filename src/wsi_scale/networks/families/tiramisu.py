"""Tiramisu, FC-DenseNet (Jégou et al., CVPR workshops 2017, arXiv 1611.09326).

Modules are named as in github.com/bfortuner/pytorch_tiramisu, so that its checkpoints fit.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class Tiramisu(nn.Module):
    """A U-Net of dense blocks: each layer sees all layers of its block before it.

    Input: (N, 3, H, W), sides multiples of 2 to the number of levels. Output: (N, classes, H, W)
    logits. The default is FC-DenseNet56; ``tiramisu_103`` builds the largest of the paper.
    """

    def __init__(
        self,
        classes: int = 2,
        down: Sequence[int] = (4, 4, 4, 4, 4),
        bottleneck: int = 4,
        growth: int = 12,
        first: int = 48,
    ) -> None:
        super().__init__()
        self.firstconv = nn.Conv2d(3, first, 3, padding=1)
        self.denseBlocksDown, self.transDownBlocks = nn.ModuleList(), nn.ModuleList()
        width, kept = first, []
        for count in down:
            self.denseBlocksDown.append(DenseBlock(width, growth, count, keep_input=True))
            width += growth * count
            kept.append(width)
            self.transDownBlocks.append(_shrinking(width))
        self.bottleneck = nn.ModuleDict({"bottleneck": DenseBlock(width, growth, bottleneck)})
        width = growth * bottleneck
        self.denseBlocksUp, self.transUpBlocks = nn.ModuleList(), nn.ModuleList()
        for level, count in reversed(list(enumerate(down))):
            self.transUpBlocks.append(_Growing(width))
            block = DenseBlock(width + kept[level], growth, count, keep_input=level == 0)
            self.denseBlocksUp.append(block)
            width = growth * count + (width + kept[level] if level == 0 else 0)
        self.finalConv = nn.Conv2d(width, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, classes, H, W) of images (N, 3, H, W)."""
        x, kept = self.firstconv(x), []
        for block, shrink in zip(self.denseBlocksDown, self.transDownBlocks, strict=True):
            kept.append(block(x))
            x = shrink(kept[-1])
        x = self.bottleneck["bottleneck"](x)
        for grow, block in zip(self.transUpBlocks, self.denseBlocksUp, strict=True):
            x = block(grow(x, kept.pop()))
        return self.finalConv(x)  # type: ignore[no-any-return]


def tiramisu_103(classes: int = 2) -> Tiramisu:
    """FC-DenseNet103 of the paper's table 2: 9.4 million parameters."""
    return Tiramisu(classes, (4, 5, 7, 10, 12), bottleneck=15, growth=16)


class DenseBlock(nn.Module):
    """Layers of ``growth`` channels; gives their outputs, behind the input if that is kept."""

    def __init__(self, width: int, growth: int, count: int, *, keep_input: bool = False) -> None:
        super().__init__()
        self.layers = nn.ModuleList(_layer(width + i * growth, growth) for i in range(count))
        self.keep_input = keep_input

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels, H, W), as large as the input."""
        made: list[Tensor] = []
        for layer in self.layers:
            made.append(layer(x))
            x = torch.cat([x, made[-1]], 1)
        return x if self.keep_input else torch.cat(made, 1)


def _layer(before: int, after: int) -> nn.Sequential:
    parts = nn.Sequential()
    parts.add_module("norm", nn.BatchNorm2d(before))
    parts.add_module("relu", nn.ReLU())
    parts.add_module("conv", nn.Conv2d(before, after, 3, padding=1))
    parts.add_module("drop", nn.Dropout2d(0.2))
    return parts


def _shrinking(width: int) -> nn.Sequential:
    parts = nn.Sequential()
    parts.add_module("norm", nn.BatchNorm2d(width))
    parts.add_module("relu", nn.ReLU())
    parts.add_module("conv", nn.Conv2d(width, width, 1))
    parts.add_module("drop", nn.Dropout2d(0.2))
    parts.add_module("maxpool", nn.MaxPool2d(2))
    return parts


class _Growing(nn.Module):
    """Twice as large, cropped to the encoder's map of that level and put before it."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.convTrans = nn.ConvTranspose2d(width, width, 3, stride=2)

    def forward(self, x: Tensor, kept: Tensor) -> Tensor:
        x = self.convTrans(x)
        top, left = ((x.shape[k] - kept.shape[k]) // 2 for k in (2, 3))
        middle = x[..., top : top + kept.shape[2], left : left + kept.shape[3]]
        return torch.cat([middle, kept], 1)
