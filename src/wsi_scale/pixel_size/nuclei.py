"""A second witness: the nuclei that the network `histology` finds at the size that was read.

It was taught to find nothing at other scales, so where it finds no nuclei the reading is wrong or
there are none; and readings of tissue without nuclei are often wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from wsi_scale.errors import SlideError
from wsi_scale.geometry import ScaleGrid, Site, reach
from wsi_scale.networks.load import load_network
from wsi_scale.networks.network import Network
from wsi_scale.slide.base import Slide
from wsi_scale.slide.pyramid import sample_pyramid

WITNESS = "histology"

SMALLEST = 9
"""px of the witness. What is smaller is not counted as a nucleus."""

COARSEST = 1.41
"""Times as coarse as the witness was taught, at most. Pixels are never enlarged for it."""

_SIDES = (128, 96, 64, 48, 32)  # px of a patch: the largest that fits


def count_nuclei(slide: Slide, sites: Sequence[Site], mpp: float, network: Network) -> float | None:
    """How many nuclei are in view around the sites if the slide has ``mpp`` µm/px.

    Nuclei that several patches show are counted once on average: the density in all patches, times
    the area that they cover together. None if no patch fits, or the pixels are too coarse.
    """
    trained = network.card.training_mpp
    assert trained is not None  # of a bundled network
    if mpp > COARSEST * trained:
        return None
    scale = max(1.0, trained / mpp)
    found, seen = 0, 0.0
    boxes: list[tuple[float, float, float]] = []
    for site in sites:
        side = _side(slide, site, scale)
        if side is None:
            continue
        try:
            pyramid = sample_pyramid(slide, site, ScaleGrid((scale,)), size=side)
        except SlideError:  # the votes have told of it
            continue
        found += sum(_count(network, patch) for patch in pyramid.patches)
        if len(pyramid.patches):
            seen += (side * scale) ** 2
            boxes.append((site.x, site.y, side * scale))
    return found * _covered(boxes) / seen if boxes else None


def _covered(boxes: list[tuple[float, float, float]]) -> float:
    """Area that squares (x and y of the centre, side) cover together, to a fiftieth of a side.

    >>> round(_covered([(0, 0, 10), (5, 0, 10)]))
    150
    """
    step = max(side for _, _, side in boxes) / 50
    cells = {
        (row, column)
        for x, y, side in boxes
        for row in range(round((y - side / 2) / step), round((y + side / 2) / step))
        for column in range(round((x - side / 2) / step), round((x + side / 2) / step))
    }
    return len(cells) * step**2


@lru_cache(maxsize=2)
def witness(device: str) -> Network:
    """The network that finds nuclei."""
    return load_network(WITNESS, device=device)


def _side(slide: Slide, site: Site, scale: float) -> int | None:
    fits = [side for side in _SIDES if reach(slide.bounds, site, side) * 1.0001 >= scale]
    return fits[0] if fits else None


def _count(network: Network, patch: NDArray[np.uint8]) -> int:
    """Connected parts that are large enough, in one patch (side, side, 3)."""
    import torch

    with torch.no_grad():
        nuclei = network.logits(network.prepare(patch[None]))[0, 0].cpu().numpy() > 0
    parts, count = ndimage.label(nuclei)
    sizes = ndimage.sum_labels(nuclei, parts, np.arange(1, count + 1))
    return int((np.atleast_1d(sizes) >= SMALLEST).sum()) if count else 0
