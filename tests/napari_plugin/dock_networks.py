"""Small networks that are named by SPEC: quick, slow, and failing on the way."""

import time

import numpy as np
import torch
from torch import nn

from wsi_scale.testing import disc_image
from wsi_scale.testing.networks import BatchNormNet


def quick() -> nn.Module:
    """Random weights, with statistics of discs of radius 10 px at scale 1."""
    torch.manual_seed(0)
    module = BatchNormNet()
    picture = disc_image(10, spacing=50)
    rng = np.random.default_rng(0)
    corners = rng.integers(0, 400, (64, 2))
    patches = np.stack([picture[y : y + 32, x : x + 32] for y, x in corners])
    with torch.no_grad():
        module.train()(torch.tensor(patches).permute(0, 3, 1, 2).float() / 255)
    for name, buffer in module.named_buffers():
        if name.endswith("num_batches_tracked"):
            buffer.fill_(1000)  # as if it had been trained for long
    return module


class Slow(BatchNormNet):
    calls = 0

    def forward(self, x):
        Slow.calls += 1
        time.sleep(0.15)
        return super().forward(x)


def slow() -> nn.Module:
    module = Slow()
    module.load_state_dict(quick().state_dict())
    return module


class Failing(BatchNormNet):
    calls = 0

    def forward(self, x):
        if x.shape[0] > 2:  # not at the trial run
            Failing.calls += 1
            if Failing.calls > 6:
                raise RuntimeError("the sensor is on fire")
        return super().forward(x)


def failing() -> nn.Module:
    Failing.calls = 0
    module = Failing()
    module.load_state_dict(quick().state_dict())
    return module
