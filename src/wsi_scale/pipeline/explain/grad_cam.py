"""Where in a patch the score of a class comes from: Grad-CAM of the last layer that has pixels.

Each pixel's channels are weighted by their own gradients, not by the mean over all pixels, so that
the map lies where the network looks, whatever its head. Where the head averages over the pixels,
both are the same.

A hook, one gradient and a sum: kept libraries do the same but want the layer, and the shape of its
tokens, from the user, and bring OpenCV and scikit-learn.

Sources: Selvaraju et al., Grad-CAM, 2017, eq. 1 and 2; by pixel: Draelos and Carin, Use HiResCAM
instead of Grad-CAM, 2020; for segmenters: Vinogradova et al., Towards interpretable semantic
segmentation via gradient-weighted class activation mapping, 2020.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from wsi_scale.networks.answer import class_scores, predict
from wsi_scale.networks.channel_axes import channel_axis
from wsi_scale.networks.hooks import at_work
from wsi_scale.networks.network import Network

MOST_LEADING = 16
"""A vision transformer has at most this many tokens of no place, such as that of the class."""


@dataclass(frozen=True)
class ClassMap:
    """Where a class's score comes from in some patches."""

    layer: str
    """Name of the layer whose channels were weighted."""
    heat: NDArray[np.float32]
    """(N, h, w) at least 0, in units of the score."""


@dataclass
class _Passed:
    """Outputs with pixels in the order in which they were finished, up to the head."""

    outputs: list[tuple[str, Tensor]] = field(default_factory=list)
    closed: bool = False


def grad_cam(network: Network, patches: NDArray[np.uint8], target: int) -> ClassMap | None:
    """Where the score of a class comes from.

    Parameters
    ----------
    network : Network
        Classifier or segmenter. A segmenter's score is the mean logit over the pixels predicted as
        the class, or over all pixels if none is.
    patches : numpy.ndarray
        (N, H, W, 3) uint8.
    target : int
        Index of the class.

    Returns
    -------
    ClassMap or None
        None if no gradient reaches a layer with pixels, as in a network without hooks.

    Examples
    --------
    >>> from wsi_scale.networks import load_network
    >>> network = load_network("figures", device="cpu")
    >>> found = grad_cam(network, np.zeros((2, 224, 224, 3), np.uint8), target=0)
    >>> found.layer, found.heat.shape
    ('features', (2, 56, 56))
    """
    x = network.prepare(patches).requires_grad_(True)
    with at_work(network.module), torch.enable_grad(), _outputs(network, len(patches)) as passed:
        logits = network.logits(x.clone())  # a copy: the network may work in place
        if not logits.requires_grad or not passed.outputs:
            return None
        given = predict(logits.detach(), network.activation).given
        score = class_scores(logits, given)[:, target].sum()
        names, outputs = zip(*passed.outputs, strict=True)
        slopes = torch.autograd.grad(score, outputs, allow_unused=True)
    channels = planes_of(outputs[-1]).shape[1]
    for name, output, slope in reversed(list(zip(names, outputs, slopes, strict=True))):
        if slope is None or planes_of(output).shape[1] != channels:
            continue
        steep = planes_of(slope).detach().float()
        # after its last attention, a transformer's answer depends on the class token alone
        if bool(steep.any()):
            heat = (steep * planes_of(output).detach().float()).sum(1).relu()
            return ClassMap(name, heat.cpu().numpy())
    return None


def has_planes(x: Any, count: int) -> bool:
    """Whether an output is a map, or tokens of places, of ``count`` patches."""
    if not isinstance(x, Tensor) or x.ndim not in (3, 4) or x.shape[0] != count:
        return False
    if x.ndim == 3:
        side = math.isqrt(x.shape[1])
        return side > 1 and x.shape[1] - side**2 <= MOST_LEADING and x.is_floating_point()
    sides = x.shape[1:3] if channel_axis(x.shape) == 3 else x.shape[2:4]
    return sides[0] == sides[1] > 1 and x.is_floating_point()


def planes_of(x: Tensor) -> Tensor:
    """(N, C, h, w) of a map with channels first or last, or of tokens (N, T, C); leading tokens,
    which have no place, are left out.

    >>> planes_of(torch.zeros(2, 197, 8)).shape, planes_of(torch.zeros(2, 7, 7, 8)).shape
    (torch.Size([2, 8, 14, 14]), torch.Size([2, 8, 7, 7]))
    """
    if x.ndim == 3:
        side = math.isqrt(x.shape[1])
        places = x[:, x.shape[1] - side**2 :]
        return places.transpose(1, 2).reshape(x.shape[0], x.shape[2], side, side)
    return x.movedim(3, 1) if channel_axis(x.shape) == 3 else x


@contextmanager
def _outputs(network: Network, count: int) -> Iterator[_Passed]:
    """While open, keep every output with pixels that is finished before the head begins."""
    passed, handles = _Passed(), []

    def keep(name: str) -> Any:
        def listen(_: nn.Module, __: Any, result: Any) -> None:
            if not passed.closed and has_planes(result, count):
                passed.outputs.append((name, result))

        return listen

    def close(*_: Any) -> None:
        passed.closed = True

    try:
        for call in network.calls:
            if call.name == network.head:
                handles.append(call.module.register_forward_pre_hook(close))
            else:
                handles.append(call.module.register_forward_hook(keep(call.name)))
        yield passed
    finally:
        for handle in handles:
            handle.remove()
