"""Changes of colour, light and side that leave the scale as it is; cheap, on whole batches."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

STAINS = torch.tensor([[0.65, 0.70, 0.29], [0.07, 0.99, 0.11], [0.27, 0.57, 0.78]])
"""Optical density of haematoxylin, eosin and the rest in R, G, B. Source: Ruifrok 2001."""

GREY = 0.1
"""Share of patches without colour."""


def augment(patches: Tensor, generator: Generator) -> Tensor:
    """(N, 3, s, s) in 0–1, each stained, lit and turned in its own way."""
    return turn(light(stain(patches, generator), generator))


def stain(patches: Tensor, generator: Generator) -> Tensor:
    """Other dyes in other amounts, on another glass, by a matrix in optical density."""
    n = len(patches)
    amounts = torch.empty(n, 3).uniform_(-0.7, 0.6, generator=generator).exp2()
    dyes = STAINS + 0.1 * torch.randn(n, 3, 3, generator=generator)
    dyes = dyes.clamp(min=0) / dyes.clamp(min=0).norm(dim=2, keepdim=True)
    mix = torch.linalg.inv(STAINS) @ (amounts[:, :, None] * dyes)
    glass = torch.empty(n, 3, 1, 1).uniform_(-0.06, 0.1, generator=generator)
    density = -torch.log2((patches * 255 + 1) / 256)
    changed = torch.einsum("nchw,ncd->ndhw", density, mix) + glass
    return torch.exp2(-changed.clamp(0, 8))


def light(patches: Tensor, generator: Generator) -> Tensor:
    """Gamma, gain, offset and, at times, no colour."""
    n = len(patches)

    def per_patch(low: float, high: float) -> Tensor:
        return torch.empty(n, 1, 1, 1).uniform_(low, high, generator=generator)

    changed = patches.clamp(1e-3, 1) ** per_patch(-0.6, 0.6).exp2()
    changed = changed * per_patch(0.85, 1.1) + per_patch(-0.06, 0.06)
    grey = torch.rand(n, 1, 1, 1, generator=generator) < GREY
    changed = torch.where(grey, changed.mean(1, keepdim=True), changed)
    return changed.clamp(0, 1)


def turn(patches: Tensor) -> Tensor:
    """One of eight ways for each eighth of the batch; its patches come in no order."""
    parts = list(patches.chunk(8))
    for number in range(len(parts)):
        parts[number] = torch.rot90(parts[number], number % 4, (2, 3))
        if number >= 4:
            parts[number] = parts[number].flip(3)
    return torch.cat(parts)
