"""What a network predicts for patches as they are, and what it found drawn onto them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from wsi_scale.networks.answer import predict
from wsi_scale.networks.hooks import at_work
from wsi_scale.networks.network import Network
from wsi_scale.outlines import draw_outline


def predictions(network: Network, patches: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """(N, classes[, H, W]): where each class is predicted in patches (N, H, W, 3)."""
    with torch.no_grad(), at_work(network.module):
        logits = network.logits(network.prepare(patches))
        return predict(logits, network.activation).given.cpu().numpy()


def outlined(
    network: Network, strip: Sequence[tuple[float, NDArray[np.uint8]]]
) -> list[tuple[float, NDArray[np.uint8]]]:
    """(scale, patch) with a line around everything a segmenter found in it, twice as large.

    A classifier's patches come back as they are.
    """
    if network.task != "segment" or not strip:
        return list(strip)
    given = predictions(network, np.stack([patch for _, patch in strip]))
    seen = [k for k in range(given.shape[1]) if k != network.background]
    return [
        (scale, draw_outline(patch, found.any(axis=0)))
        for (scale, patch), found in zip(strip, given[:, seen], strict=True)
    ]
