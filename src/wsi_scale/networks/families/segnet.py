"""SegNet (Badrinarayanan, Kendall & Cipolla, TPAMI 2017, arXiv 1511.00561)."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F

VGG16 = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))
"""(channels, convolutions) of each level of the encoder, those of VGG16."""


class SegNet(nn.Module):
    """The convolutions of VGG16 with BatchNorm, and their mirror image.

    The decoder puts each value back where the encoder's maximum had come from. Input:
    (N, 3, H, W), sides multiples of 32. Output: (N, classes, H, W) logits.
    """

    def __init__(self, classes: int = 2, levels: Sequence[tuple[int, int]] = VGG16) -> None:
        super().__init__()
        widths = [3, *(width for width, _ in levels)]
        self.encoder = nn.ModuleList(
            _convolutions([before, *[width] * count])
            for before, (width, count) in zip(widths, levels, strict=False)
        )
        self.decoder = nn.ModuleList(
            _convolutions([*[width] * count, before if before > 3 else width])
            for before, (width, count) in reversed(list(zip(widths, levels, strict=False)))
        )
        self.head = nn.Conv2d(widths[1], classes, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, classes, H, W) of images (N, 3, H, W)."""
        places: list[Tensor] = []
        for block in self.encoder:
            x, where = F.max_pool2d_with_indices(block(x), [2, 2])
            places.append(where)
        for block, where in zip(self.decoder, reversed(places), strict=True):
            x = block(F.max_unpool2d(x, where, [2, 2]))
        return self.head(x)  # type: ignore[no-any-return]


def _convolutions(widths: Sequence[int]) -> nn.Sequential:
    """A convolution, BatchNorm and ReLU from each width to the next."""
    layers: list[nn.Module] = []
    for before, after in itertools.pairwise(widths):
        layers += [nn.Conv2d(before, after, 3, padding=1), nn.BatchNorm2d(after), nn.ReLU()]
    return nn.Sequential(*layers)
