"""Gradients of class scores at the head's input."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from wsi_scale.networks.answer import Prediction, class_scores
from wsi_scale.networks.channel_axes import TensorAxes
from wsi_scale.networks.hooks import pixel_axes


def differentiate(
    answer: Tensor, prediction: Prediction, at: Tensor, axes: TensorAxes, wanted: int | None
) -> Callable[[int], Tensor]:
    """Gradients of class scores at the head's input, by class.

    answer: (N, K[, H, W]) logits or probabilities. A classifier's head is small and is kept until
    its target is known. A segmenter's head is as large as the patch, so every class that may become
    the target is differentiated at once.
    """
    pixels = pixel_axes(at, axes)

    def of(scores: Tensor, k: int) -> Tensor:
        (slope,) = torch.autograd.grad(scores[:, k].sum(), at, retain_graph=True)
        return slope.sum(pixels) if pixels else slope

    if answer.ndim == 2:
        return lambda k: of(answer, k)
    scores = class_scores(answer, prediction.given)
    classes = range(answer.shape[1]) if wanted is None else (wanted,)
    return {k: of(scores, k) for k in classes}.__getitem__
