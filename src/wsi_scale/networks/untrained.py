"""A network with nothing learnt in it: what it answers is chance."""

from __future__ import annotations

import copy
import math
from dataclasses import replace

import torch
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd

from wsi_scale.networks.network import Network


def random_weights(network: Network, seed: int) -> Network:
    """The same network with nothing learnt left in it but BatchNorm's statistics: the weights and
    biases of convolutions and heads are freshly drawn, the scale and shift of normalisation layers
    are 1 and 0."""
    module = copy.deepcopy(network.module)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for part in module.modules():
            if isinstance(part, _ConvNd | torch.nn.Linear):
                spread = 1 / math.sqrt(part.weight[0].numel())
                for values in (part.weight, part.bias):
                    if values is not None:
                        values.uniform_(-spread, spread, generator=generator)
            elif isinstance(part, _BatchNorm | torch.nn.GroupNorm | torch.nn.LayerNorm):
                if part.weight is not None:
                    part.weight.fill_(1.0)
                if part.bias is not None:
                    part.bias.fill_(0.0)
    calls = tuple(replace(c, module=module.get_submodule(c.name)) for c in network.calls)
    return replace(network, module=module, calls=calls)
