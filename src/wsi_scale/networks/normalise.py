"""Colours scaled as a card says: fixed, or by each patch's own statistics."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from wsi_scale.networks.card import Card

_LUMINANCE = (0.299, 0.587, 0.114)
_EPSILON = 1e-6  # added to a patch's spread, as BioImage.IO's steps do


def scale_colours(x: Tensor, card: Card) -> Tensor:
    """Values in 0–255, (N, C, H, W), scaled as the card says, then by its mean and std."""
    axes = (1, 2, 3) if card.together else (2, 3)
    if card.scaling == "unit":
        x = x / 255
    elif card.scaling == "standardise":
        var, mean = torch.var_mean(x, axes, correction=0, keepdim=True)
        x = (x - mean) / (var.sqrt() + _EPSILON)
    elif card.scaling == "stretch":
        low, high = percentiles(x, axes, card.percentiles)
        x = (x - low) / (high - low + _EPSILON)
    if card.mean is not None:
        x = x - x.new_tensor(card.mean).view(1, -1, 1, 1)
    if card.std is not None:
        x = x / x.new_tensor(card.std).view(1, -1, 1, 1)
    return x.contiguous()


def percentiles(x: Tensor, axes: Sequence[int], wanted: Sequence[float]) -> list[Tensor]:
    """Percentiles (0–100) over the last axes, linear between ranks, kept as axes of length 1.

    ``torch.quantile`` refuses batches of the size that is common here.

    >>> x = torch.arange(5.0).view(1, 1, 1, 5)
    >>> [float(one) for one in percentiles(x, (1, 2, 3), (0, 50, 90))]
    [0.0, 2.0, 3.5999999046325684]
    """
    flat = x.flatten(axes[0]).sort(-1).values
    kept = x.shape[: axes[0]] + (1,) * len(axes)
    found = []
    for percent in wanted:
        rank = percent / 100 * (flat.shape[-1] - 1)
        below = int(rank)
        above = min(below + 1, flat.shape[-1] - 1)
        found.append(torch.lerp(flat[..., below], flat[..., above], rank - below).view(kept))
    return found


def luminance(colours: Tensor) -> Tensor:
    """Grey values (N, 1, H, W) of colours (N, 3, H, W), by ITU-R BT.601.

    >>> white = torch.full((1, 3, 1, 1), 255.0)
    >>> round(float(luminance(white)), 3)
    255.0
    """
    return (colours * colours.new_tensor(_LUMINANCE).view(1, 3, 1, 1)).sum(1, keepdim=True)
