"""Small networks of every kind that the bench asks: U-Nets, a ResNet, a ViT, a ConvNeXt.

As SPEC: ``benchmarks.witnesses.architectures:unet?norm=batch&weights=…``, from the root.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

NORMS = {
    "batch": nn.BatchNorm2d,
    "group": lambda width: nn.GroupNorm(4, width),
    "none": lambda width: nn.Identity(),
}


def twice(narrow: int, wide: int, norm: str) -> nn.Sequential:
    layers: list[nn.Module] = []
    for width in (narrow, wide):
        layers += [nn.Conv2d(width, wide, 3, padding=1), NORMS[norm](wide), nn.ReLU()]
    return nn.Sequential(*layers)


class UNet(nn.Module):
    """(N, 3, H, W) to one logit a pixel; sides are multiples of 8."""

    def __init__(self, norm: str, f: int = 8) -> None:
        super().__init__()
        self.e1, self.e2, self.e3, self.b = (
            twice(a, b, norm) for a, b in ((3, f), (f, 2 * f), (2 * f, 4 * f), (4 * f, 8 * f))
        )
        self.d3, self.d2, self.d1 = (
            twice(a, b, norm) for a, b in ((12 * f, 4 * f), (6 * f, 2 * f), (3 * f, f))
        )
        self.out = nn.Conv2d(f, 1, 1)
        self.down, self.up = nn.MaxPool2d(2), nn.Upsample(scale_factor=2)

    def forward(self, x: Tensor) -> Tensor:
        a = self.e1(x)
        b = self.e2(self.down(a))
        c = self.e3(self.down(b))
        d = self.up(self.b(self.down(c)))
        c = self.up(self.d3(torch.cat([d, c], 1)))
        b = self.up(self.d2(torch.cat([c, b], 1)))
        return self.out(self.d1(torch.cat([b, a], 1)))


class Residual(nn.Module):
    def __init__(self, narrow: int, wide: int, stride: int, norm: str) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(narrow, wide, 3, stride, 1, bias=False),
            NORMS[norm](wide),
            nn.ReLU(),
            nn.Conv2d(wide, wide, 3, 1, 1, bias=False),
            NORMS[norm](wide),
        )
        self.short = nn.Sequential(nn.Conv2d(narrow, wide, 1, stride), NORMS[norm](wide))

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.body(x) + self.short(x))


def resnet(norm: str = "batch", classes: int = 7) -> nn.Module:
    widths = (16, 16, 32, 64, 96)
    blocks = [Residual(a, b, 1 + (i > 0), norm) for i, (a, b) in enumerate(pairwise(widths))]
    stem = (nn.Conv2d(3, 16, 3, padding=1, bias=False), NORMS[norm](16), nn.ReLU())
    pool = (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(96, classes))
    return nn.Sequential(*stem, *blocks, *pool)


def unet(norm: str = "batch", classes: int = 1) -> nn.Module:
    return UNet(norm)


def vit(norm: str = "layer", classes: int = 7) -> nn.Module:
    from timm.models.vision_transformer import VisionTransformer

    return VisionTransformer(
        img_size=64, patch_size=8, embed_dim=96, depth=4, num_heads=3, num_classes=classes
    )


def convnext(norm: str = "layer", classes: int = 7) -> nn.Module:
    from timm.models.convnext import ConvNeXt

    return ConvNeXt(num_classes=classes, depths=(1, 1, 2, 1), dims=(24, 48, 96, 128), patch_size=2)


BUILDERS = {"unet": unet, "resnet": resnet, "vit": vit, "convnext": convnext}
