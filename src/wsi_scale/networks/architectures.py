"""Architectures of the bundled networks."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class FiguresNet(nn.Module):
    """The network of the thesis's model problem.

    For every entry of ``filters``: (convolution 3×3, ReLU, BatchNorm) twice, with a 2×2 maximum
    between entries. Then the mean over all pixels and one linear layer. With 20 classes it has
    5 192 numbers, 112 of them BatchNorm statistics. Input: (N, 3, H, W) in 0–1, from 4 px up.
    Output: (N, classes) logits. Source: thesis chapter 5.
    """

    def __init__(self, filters: Sequence[int] = (4, 8, 16), classes: int = 20) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 3
        for i, width in enumerate(filters):
            if i:
                layers.append(nn.MaxPool2d(2))
            for _ in range(2):
                layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
                layers.append(nn.BatchNorm2d(width))
                channels = width
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Linear(channels, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, classes) of images (N, 3, H, W)."""
        return self.classifier(self.features(x).mean((2, 3)))  # type: ignore[no-any-return]


class NucleiUNet(nn.Module):
    """The bundled histology network: a U-Net of three levels with BatchNorm.

    At every level: (convolution 3×3 without bias, BatchNorm, ReLU) twice. The first level has
    ``filters`` channels, each deeper one twice as many. With 12 filters it has 275 000 numbers.
    Input: (N, 3, H, W) in 0–1, sides multiples of 8. Output: (N, 1, H, W) logits of nuclei.
    Source: Ronneberger et al., MICCAI 2015 (arXiv 1505.04597); here padded and narrower.
    """

    def __init__(self, filters: int = 12) -> None:
        super().__init__()
        widths = [filters * 2**k for k in range(4)]
        self.down = nn.ModuleList(
            _twice(before, after) for before, after in zip([3, *widths], widths, strict=False)
        )
        self.up = nn.ModuleList(_twice(3 * width, width) for width in reversed(widths[:-1]))
        self.head = nn.Conv2d(filters, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, 1, H, W) of images (N, 3, H, W)."""
        seen = []
        for level, block in enumerate(self.down):
            x = block(x if level == 0 else nn.functional.max_pool2d(x, 2))
            seen.append(x)
        for block, before in zip(self.up, reversed(seen[:-1]), strict=True):
            wide = nn.functional.interpolate(x, scale_factor=2.0)
            x = block(torch.cat([wide, before], 1))
        return self.head(x)  # type: ignore[no-any-return]


def _twice(before: int, after: int) -> nn.Sequential:
    """Two convolutions, each with its BatchNorm."""
    layers: list[nn.Module] = []
    for channels in (before, after):
        layers += [nn.Conv2d(channels, after, 3, padding=1, bias=False)]
        layers += [nn.BatchNorm2d(after), nn.ReLU()]
    return nn.Sequential(*layers)
