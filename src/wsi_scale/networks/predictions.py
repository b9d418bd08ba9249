"""What a network predicts for patches, pixel by pixel where it segments."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from wsi_scale.networks.answer import predict
from wsi_scale.networks.batches import in_batches
from wsi_scale.networks.hooks import at_work
from wsi_scale.networks.network import Network


def predictions(network: Network, patches: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """(N, classes[, H, W]): where each class is predicted in patches (N, H, W, 3)."""

    def given(part: slice) -> NDArray[np.bool_]:
        logits = network.logits(network.prepare(patches[part]))
        return predict(logits, network.activation).given.cpu().numpy()

    with torch.no_grad(), at_work(network.module):
        return np.concatenate(list(in_batches(network, len(patches), len(patches), given)))


def found_in(network: Network, patches: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """(N, H, W): where a segmenter finds any class but background in patches (N, H, W, 3)."""
    return np.asarray(predictions(network, patches)[:, network.foreground].any(axis=1))
