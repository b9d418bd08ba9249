"""A network that has learnt nothing: its answers are chance."""

from __future__ import annotations

import copy
import math
import warnings
from dataclasses import replace

import torch
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd

from wsi_scale.networks.network import Network


def random_weights(network: Network, seed: int) -> Network:
    """The same network with random weights; only its BatchNorm statistics remain from training.

    Weights and biases of convolutions and linear layers are drawn; the scale and shift of
    normalisation layers become 1 and 0. Other parameters (in a network read from a file, all of
    them) are drawn if they have two or more axes; vectors become 0 if they are called bias, else 1.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # torch's own, of an exported program
        module = copy.deepcopy(network.module)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        done = set()
        for part in module.modules():
            if isinstance(part, _ConvNd | torch.nn.Linear):
                spread = 1 / math.sqrt(part.weight[0].numel())
                for values in (part.weight, part.bias):
                    if values is not None:
                        _draw(values, spread, generator)
            elif isinstance(part, _BatchNorm | torch.nn.GroupNorm | torch.nn.LayerNorm):
                if part.weight is not None:
                    part.weight.fill_(1.0)
                if part.bias is not None:
                    part.bias.fill_(0.0)
            else:
                continue
            done |= {id(values) for values in part.parameters(recurse=False)}
        for name, values in module.named_parameters():
            if id(values) in done or not values.is_floating_point():
                continue
            if values.ndim > 1:
                _draw(values, 1 / math.sqrt(values[0].numel()), generator)
            else:
                values.fill_(0.0 if name.endswith("bias") else 1.0)
    calls = tuple(replace(c, module=module.get_submodule(c.name)) for c in network.calls)
    return replace(network, module=module, calls=calls)


def _draw(values: Tensor, spread: float, generator: torch.Generator) -> None:
    """Fill in place, uniformly between ± spread; the same values on every device."""
    fresh = torch.empty(values.shape, dtype=torch.float32).uniform_(
        -spread, spread, generator=generator
    )
    values.copy_(fresh)
