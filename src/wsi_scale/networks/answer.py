"""A network's output: find the logits in it, check them, and turn them into predictions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from wsi_scale.errors import NetworkError
from wsi_scale.networks.card import Activation

_CLOSEST_TO_CERTAIN = 1e-7  # probabilities 0 and 1 have no finite logit
_ROUNDING = 1e-4  # half-precision probabilities may lie outside 0–1 by this much


def find_tensor(answer: Any, who: str) -> Tensor:
    """The tensor of logits in whatever a network returned.

    That is the tensor itself; ``"out"`` or ``"logits"`` of a mapping; the attribute ``logits``; or
    the first element of a tuple or list. For anything else, raises NetworkError that names it.
    """
    if isinstance(answer, Mapping):
        for key in ("out", "logits"):
            if key in answer:
                return find_tensor(answer[key], who)
        raise NetworkError(
            f"{who} returned a mapping with the keys {', '.join(map(repr, answer)) or 'none'}; "
            'logits are expected under "out" or "logits"'
        )
    if isinstance(answer, Tensor):
        return answer
    if isinstance(getattr(answer, "logits", None), Tensor):
        return answer.logits  # type: ignore[no-any-return]
    if isinstance(answer, tuple | list) and answer:
        return find_tensor(answer[0], who)
    raise NetworkError(
        f"{who} returned a {type(answer).__name__}, not a tensor of logits; "
        "wrap it in a factory that returns one"
    )


def check_logits(logits: Tensor, count: int, who: str) -> Tensor:
    """The logits as float32. Raises NetworkError for a wrong rank, batch, kind, NaN or infinity."""
    if logits.ndim not in (2, 4) or logits.shape[0] != count or logits.shape[1] == 0:
        raise NetworkError(
            f"{who} returned shape {tuple(logits.shape)} for {count} patches; "
            "the shape must be (N, classes) or (N, classes, height, width)"
        )
    if not logits.is_floating_point():
        raise NetworkError(
            f"{who} returned {logits.dtype} values; logits must be floating-point numbers"
        )
    if not bool(torch.isfinite(logits).all()):
        raise NetworkError(
            f"{who} returned NaN or infinite values; check its weights and the card's scaling"
        )
    return logits.float()


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
