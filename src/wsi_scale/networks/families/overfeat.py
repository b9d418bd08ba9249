"""OverFeat (Sermanet et al., ICLR 2014, arXiv 1312.6229), the fast model of its table 1."""

from __future__ import annotations

from torch import Tensor, nn


class OverFeat(nn.Module):
    """Eight convolutions without BatchNorm; the last three are the classifier, slid over the image.

    Input: (N, 3, H, W), sides of at least 231 px. Output: (N, classes) logits, the mean over all
    places at which the classifier fits.
    """

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 96, 11, stride=4),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(96, 256, 5),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(256, 512, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(512, 1024, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(1024, 1024, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
        )
        self.classifier = nn.Sequential(
            nn.Conv2d(1024, 3072, 6),
            nn.ReLU(),
            nn.Dropout(),
            nn.Conv2d(3072, 4096, 1),
            nn.ReLU(),
            nn.Dropout(),
            nn.Conv2d(4096, classes, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, classes) of images (N, 3, H, W)."""
        return self.classifier(self.features(x)).mean((2, 3))  # type: ignore[no-any-return]
