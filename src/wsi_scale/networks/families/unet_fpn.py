"""U-Net with the head of a feature pyramid: every level of the decoder predicts, all are added.

Sources: U-Net (Ronneberger et al., MICCAI 2015, arXiv 1505.04597); panoptic FPN's head (Kirillov et
al., CVPR 2019, arXiv 1901.02446).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class UNetFPN(nn.Module):
    """A U-Net of five levels with BatchNorm whose four finest decoder levels are added.

    Input: (N, 3, H, W), sides multiples of 16. Output: (N, classes, H, W) logits.
    """

    def __init__(self, classes: int = 2, filters: int = 32, pyramid: int = 64) -> None:
        super().__init__()
        widths = [filters * 2**k for k in range(5)]
        self.down = nn.ModuleList(
            _double(before, after) for before, after in zip([3, *widths], widths, strict=False)
        )
        self.up = nn.ModuleList(_double(3 * width, width) for width in reversed(widths[:-1]))
        self.lateral = nn.ModuleList(
            nn.Conv2d(width, pyramid, 1) for width in reversed(widths[:-1])
        )
        self.head = nn.Conv2d(pyramid, classes, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, classes, H, W) of images (N, 3, H, W)."""
        kept: list[Tensor] = []
        for level, block in enumerate(self.down):
            x = block(F.max_pool2d(x, 2) if level else x)
            kept.append(x)
        x, sides = kept.pop(), kept[0].shape[2:]
        added: list[Tensor] = []
        for block, lateral in zip(self.up, self.lateral, strict=True):
            x = block(torch.cat([F.interpolate(x, scale_factor=2.0), kept.pop()], 1))
            added.append(F.interpolate(lateral(x), size=sides, mode="bilinear"))
        return self.head(torch.stack(added).sum(0))  # type: ignore[no-any-return]


def _double(before: int, after: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for width in (before, after):
        layers += [nn.Conv2d(width, after, 3, padding=1, bias=False)]
        layers += [nn.BatchNorm2d(after), nn.ReLU()]
    return nn.Sequential(*layers)
