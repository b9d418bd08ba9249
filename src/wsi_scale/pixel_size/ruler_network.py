"""The ruler's network: a patch of H&E in, a distribution over log2 µm/px out.

A distribution can say "0.25 or 0.5", and it can say "I do not know": a patch of no known tissue
comes out flat.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from wsi_scale.pixel_size.votes import CENTRES

STAGES = ((1, 3, 1, 16, 1), (6, 3, 2, 24, 2), (6, 5, 2, 40, 2), (6, 3, 2, 80, 3), (6, 5, 1, 112, 3))
"""Of EfficientNet-Lite0 up to a sixteenth of the patch's side: expansion, kernel, stride, channels
and blocks of each stage."""


class RulerNet(nn.Module):
    """The first five stages of EfficientNet-Lite0, mean and spread of their features, two layers.

    Input: (N, 3, h, w) RGB in 0–1, sides from 64 px. Output: (N, B) logits of the bins CENTRES.
    Source: Tan and Le, EfficientNet, ICML 2019 (arXiv 1905.11946); Lite: Renjie Liu, 2020.
    """

    def __init__(self, dropout: float = 0.3) -> None:
        super().__init__()
        layers: list[nn.Module] = [_convolution(3, 32, 3, 2), nn.BatchNorm2d(32, _EPS), nn.ReLU6()]
        before = 32
        for expansion, kernel, stride, channels, blocks in STAGES:
            for number in range(blocks):
                layers.append(
                    _Block(before, channels, expansion, kernel, stride if number == 0 else 1)
                )
                before = channels
        self.features = nn.Sequential(*layers)
        self.head = nn.Sequential(
            nn.Linear(2 * before, 128), nn.ReLU(), nn.Dropout(dropout), nn.Linear(128, len(CENTRES))
        )

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, B) of patches (N, 3, h, w)."""
        z = self.features(2 * x - 1).float()
        return self.head(_mean_and_spread(z))  # type: ignore[no-any-return]


class _Block(nn.Module):
    """A wide, depthwise convolution between two narrow layers, with a way past it."""

    def __init__(self, before: int, after: int, expansion: int, kernel: int, stride: int) -> None:
        super().__init__()
        wide = before * expansion
        layers: list[nn.Module] = []
        if expansion > 1:
            layers += [_convolution(before, wide, 1), nn.BatchNorm2d(wide, _EPS), nn.ReLU6()]
        layers += [_convolution(wide, wide, kernel, stride, wide), nn.BatchNorm2d(wide, _EPS)]
        layers += [nn.ReLU6(), _convolution(wide, after, 1), nn.BatchNorm2d(after, _EPS)]
        self.layers = nn.Sequential(*layers)
        self.adds = stride == 1 and before == after

    def forward(self, x: Tensor) -> Tensor:
        z = self.layers(x)
        return x + z if self.adds else z  # type: ignore[no-any-return]


_EPS = 1e-3  # of TensorFlow, in which the first weights were made


def _convolution(
    before: int, after: int, kernel: int, stride: int = 1, groups: int = 1
) -> nn.Conv2d:
    return nn.Conv2d(before, after, kernel, stride, kernel // 2, groups=groups, bias=False)


def _mean_and_spread(z: Tensor) -> Tensor:
    return torch.cat([z.mean((2, 3)), z.std((2, 3))], 1)
