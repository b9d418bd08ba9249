"""YOLOv3-tiny (Redmon & Farhadi 2018, arXiv 1804.02767), with the answer of today's exports."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class YoloV3Tiny(nn.Module):
    """Convolutions with BatchNorm and leaky ReLU; boxes on two grids, of strides 16 and 32.

    Input: (N, 3, H, W), sides multiples of 32. Output: (N, boxes, 5 + classes) raw answers, 3 boxes
    per place; x, y, width and height, objectness, and the classes' logits.
    """

    def __init__(self, classes: int = 1) -> None:
        super().__init__()
        widths = (16, 32, 64, 128, 256)
        self.stem = nn.ModuleList(
            _unit(before, after) for before, after in zip((3, *widths), widths, strict=False)
        )
        self.deep = nn.Sequential(
            nn.MaxPool2d(2), _unit(256, 512), _unit(512, 1024), _unit(1024, 256, 1)
        )
        self.coarse = nn.Sequential(_unit(256, 512), nn.Conv2d(512, 3 * (5 + classes), 1))
        self.lateral = _unit(256, 128, 1)
        self.fine = nn.Sequential(_unit(384, 256), nn.Conv2d(256, 3 * (5 + classes), 1))

    def forward(self, x: Tensor) -> Tensor:
        """Boxes (N, boxes, 5 + classes) of images (N, 3, H, W)."""
        for level, unit in enumerate(self.stem):
            x = unit(F.max_pool2d(x, 2) if level else x)
        deep = self.deep(x)
        wide = F.interpolate(self.lateral(deep), scale_factor=2.0)
        maps = (self.coarse(deep), self.fine(torch.cat([wide, x], 1)))
        rows = [one.unflatten(1, (3, -1)).movedim(2, -1).flatten(1, 3) for one in maps]
        return torch.cat(rows, 1)


def _unit(before: int, after: int, size: int = 3) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, size, padding=size // 2, bias=False),
        nn.BatchNorm2d(after),
        nn.LeakyReLU(0.1),
    )
