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


def found_in(network: Network, patches: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """(N, H, W): where a segmenter finds anything but background in patches (N, H, W, 3)."""
    return np.asarray(predictions(network, patches)[:, network.foreground].any(axis=1))


def outlined(
    network: Network, strip: Sequence[tuple[float, NDArray[np.uint8]]]
) -> list[tuple[float, NDArray[np.uint8]]]:
    """(scale, patch) with a line around everything a segmenter found in it, twice as large.

    A classifier's patches come back as they are.
    """
    if network.task != "segment" or not strip:
        return list(strip)
    masks = found_in(network, np.stack([patch for _, patch in strip]))
    return [
        (scale, draw_outline(patch, mask))
        for (scale, patch), mask in zip(strip, masks, strict=True)
    ]
