"""Where in a patch the score of a class comes from, by hiding one part after the other.

For networks through which no gradient goes. Source: Zeiler and Fergus, Visualizing and
understanding convolutional networks, 2014, section 4.2.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from wsi_scale.networks.answer import class_scores, predict
from wsi_scale.networks.hooks import at_work
from wsi_scale.networks.network import Network
from wsi_scale.pipeline.explain.explanation import HIDDEN_PARTS
from wsi_scale.pipeline.explain.grad_cam import ClassMap

PARTS = 7
"""Parts along a side of the patch."""


def map_by_hiding(
    network: Network, patches: NDArray[np.uint8], target: int, *, batch_size: int = 32
) -> ClassMap:
    """How much the score of a class falls when a part of the patch is painted in its mean colour.

    Parameters
    ----------
    network : Network
        Any; it is asked 50 times for each patch.
    patches : numpy.ndarray
        (N, H, W, 3) uint8.
    target : int
        Index of the class.
    batch_size : int
        Patches shown at once.

    Returns
    -------
    ClassMap
        7 × 7 parts; 0 where hiding raises the score.

    Examples
    --------
    >>> from wsi_scale.networks import load_network
    >>> patch = np.zeros((1, 224, 224, 3), np.uint8)  # painting black black changes nothing
    >>> float(map_by_hiding(load_network("figures", device="cpu"), patch, target=0).heat.max())
    0.0
    """
    heat = [_fall(network, patch, target, batch_size) for patch in patches]
    return ClassMap(HIDDEN_PARTS, np.stack(heat))


def _fall(
    network: Network, patch: NDArray[np.uint8], target: int, batch_size: int
) -> NDArray[np.float32]:
    shown = np.repeat(patch[None], PARTS**2 + 1, axis=0)
    colour = patch.mean((0, 1)).round().astype(np.uint8)
    ends = np.linspace(0, len(patch), PARTS + 1).round().astype(int)
    for part in range(PARTS**2):
        row, column = divmod(part, PARTS)
        shown[part + 1, ends[row] : ends[row + 1], ends[column] : ends[column + 1]] = colour
    scores = []
    with torch.no_grad(), at_work(network.module):
        given = None
        for start in range(0, len(shown), batch_size):
            logits = network.logits(network.prepare(shown[start : start + batch_size]))
            if given is None:  # always the pixels that are given to the class while all is visible
                given = predict(logits[:1], network.activation).given
            scores.append(class_scores(logits, given.expand_as(logits))[:, target].cpu().numpy())
    score = np.concatenate(scores)
    fall = np.maximum(score[0] - score[1:], 0).reshape(PARTS, PARTS)
    return np.asarray(fall, np.float32)
