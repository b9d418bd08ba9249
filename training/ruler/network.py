"""The network: a patch in, a distribution over log2 µm/px out.

A distribution can say "0.25 or 0.5", and it can say "I do not know": an empty patch, or a patch of
mucus, comes out flat.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

LOW, HIGH, STEP = -2.4, 2.6, 0.1
"""Octaves: log2 µm/px of the first and the last bin, and from bin to bin."""

CENTRES = np.round(np.arange(LOW, HIGH + STEP / 2, STEP), 4)
"""(B,) log2 µm/px: 0.19 to 6.1 µm/px."""

COMMON = (-1.2, 1.2)
"""Octaves: 0.44 to 2.3 µm/px, what most sources can show. Finer, a few; coarser, only large fields:
there the network has seen few tissues, and errs on others."""

SOFT = 0.12
"""Octaves: the spread of a label over its neighbours."""


def block(inputs: int, outputs: int) -> nn.Sequential:
    """Halves the sides, with two convolutions."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, 2, 1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
        nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    )


class RulerNet(nn.Module):
    """Four blocks, mean and spread of their features over the patch, and two layers."""

    def __init__(self, widths: tuple[int, ...] = (16, 32, 64, 128), outputs: int = 0) -> None:
        super().__init__()
        self.features = nn.Sequential(*map(block, (3, *widths), widths))
        self.head = nn.Sequential(
            nn.Linear(2 * widths[-1], 128),
            nn.ReLU(),
            nn.Dropout(0.2),
            nn.Linear(128, outputs or len(CENTRES)),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, h, w) in 0–1 to (N, B) logits."""
        z = self.features(x).float()
        return self.head(torch.cat([z.mean((2, 3)), z.std((2, 3))], 1))


def soft_labels(octaves: Tensor) -> Tensor:
    """(N,) log2 µm/px to (N, B) shares; what lies beyond an end belongs to the end's bin."""
    centres = torch.from_numpy(CENTRES).float()
    away = centres - octaves.clamp(LOW, HIGH)[:, None]
    return torch.softmax(-0.5 * (away / SOFT) ** 2, 1)


def cross_entropy(logits: Tensor, octaves: Tensor) -> Tensor:
    """Of the soft labels, in nats."""
    return -(soft_labels(octaves) * torch.log_softmax(logits, 1)).sum(1).mean()


def laplace(outputs: Tensor, octaves: Tensor) -> Tensor:
    """Negative log likelihood of a Laplace distribution; outputs: (N, 2), middle and log width."""
    middle, width = outputs[:, 0], outputs[:, 1].clamp(-4, 2)
    return ((middle - octaves).abs() * torch.exp(-width) + width + np.log(2)).mean()


def log_shares(outputs: Tensor) -> Tensor:
    """(N, B) log of each bin's share, from bins or from a Laplace head."""
    if outputs.shape[1] > 2:
        return torch.log_softmax(outputs, 1)
    away = torch.from_numpy(CENTRES).float() - outputs[:, :1]
    return torch.log_softmax(-away.abs() * torch.exp(-outputs[:, 1:].clamp(-4, 2)), 1)
