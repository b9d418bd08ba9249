"""Architectures of the bundled networks."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn


class FiguresNet(nn.Module):
    """The network of the thesis's model problem.

    (Convolution 3×3 + ReLU + BatchNorm) twice, maximum over 2×2, and so on for every entry of
    ``filters``; then the mean over all pixels and one linear layer. 5 192 numbers with 20 classes,
    112 of them BatchNorm statistics. Input (N, 3, H, W) in 0–1, any size from 4 px; output (N,
    classes) logits. Source: thesis chapter 5.
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
