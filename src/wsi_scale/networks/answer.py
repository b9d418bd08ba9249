"""A network's output: check it, and turn logits into predictions."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from wsi_scale.errors import NetworkError
from wsi_scale.networks.card import Activation

_CLOSEST_TO_CERTAIN = 1e-7  # probabilities 0 and 1 have no finite logit
_ROUNDING = 1e-4  # half-precision probabilities may lie outside 0–1 by this much


def check_answer(answer: Tensor, count: int, who: str) -> Tensor:
    """The answer as float32. Raises NetworkError for a wrong rank, batch, kind, NaN or infinity."""
    if answer.ndim not in (2, 3, 4) or answer.shape[0] != count or 0 in answer.shape:
        raise NetworkError(
            f"{who} returned shape {tuple(answer.shape)} for {count} patches; the shape must be "
            "(N, classes), (N, classes, height, width) or, for features, (N, tokens, channels)"
        )
    if not answer.is_floating_point():
        raise NetworkError(
            f"{who} returned {answer.dtype} values; logits must be floating-point numbers"
        )
    if not bool(torch.isfinite(answer).all()):
        raise NetworkError(
            f"{who} returned NaN or infinite values; check its weights and the card's scaling"
        )
    return answer.float()


def to_logits(probabilities: Tensor, activation: Activation, who: str) -> Tensor:
    """Undo a softmax (log) or a sigmoid (logit). Raises NetworkError outside 0–1."""
    low, high = (float(end) for end in torch.aminmax(probabilities.detach()))
    if low < -_ROUNDING or high > 1 + _ROUNDING:
        raise NetworkError(
            f"{who} returned values from {low:g} to "
            f'{high:g}, which are not probabilities; set output = "logits" in the card'
        )
    inside = probabilities.clamp(_CLOSEST_TO_CERTAIN, 1 - _CLOSEST_TO_CERTAIN)
    return torch.logit(inside) if activation == "sigmoid" else torch.log(inside)


def activate(logits: Tensor, activation: Activation) -> Tensor:
    """Probabilities (N, K[, H, W]) from logits; without an activation, the logits themselves."""
    if activation == "softmax":
        return logits.softmax(1)
    return logits.sigmoid() if activation == "sigmoid" else logits


@dataclass(frozen=True)
class Prediction:
    """What a network predicts for a batch of patches."""

    outputs: Tensor
    """(N, K) logits; for a segmenter, their mean over the pixels."""
    share: Tensor
    """(N, K) probabilities; for a segmenter, the share of pixels given to each class."""
    entropy: Tensor
    """(N,) nats; for a segmenter, the mean over the pixels; NaN without an activation."""
    given: Tensor
    """(N, K[, H, W]) bool: where each class is predicted."""


def predict(logits: Tensor, activation: Activation) -> Prediction:
    """Turn logits (N, K[, H, W]) into probabilities or shares, and their entropy.

    With softmax, or without an activation, a pixel belongs to the class with the largest logit.
    With sigmoid, it belongs to every class with a logit above 0, and the entropies of the classes
    are added.
    """
    if activation == "softmax":
        log_p = F.log_softmax(logits, 1)
        p = log_p.exp()
        entropy = -(p * log_p).sum(1)
    elif activation == "sigmoid":
        p = torch.sigmoid(logits)
        entropy = (F.softplus(logits) - logits * p).sum(1)
    else:
        entropy = torch.full_like(logits[:, 0], torch.nan)
    if activation == "sigmoid":
        given = logits > 0
    else:
        best = logits.argmax(1, keepdim=True)
        given = torch.zeros_like(logits, dtype=torch.bool).scatter_(1, best, True)
    if logits.ndim == 2:
        share = given.float() if activation == "none" else p
        return Prediction(logits, share, entropy, given)
    pixels = (2, 3)
    return Prediction(
        logits.mean(pixels), given.float().mean(pixels), entropy.flatten(1).mean(1), given
    )


def no_prediction(count: int) -> Prediction:
    """Of a network that predicts no classes: K = 0, and no entropy."""
    nothing = torch.zeros((count, 0))
    return Prediction(nothing, nothing, torch.full((count,), torch.nan), nothing.bool())


def class_scores(logits: Tensor, given: Tensor) -> Tensor:
    """(N, K) score of each class, whose gradient is taken: the logits of a classifier.

    For a segmenter, (N, K, H, W), the mean logit over the pixels given to the class, or over all
    pixels if none is.
    """
    if logits.ndim == 2:
        return logits
    some = given.sum((2, 3), keepdim=True) > 0
    weight = torch.where(some, given, torch.ones_like(given)).float()
    weight = weight / weight.sum((2, 3), keepdim=True)
    return (logits * weight).sum((2, 3))
