"""Fewer patches at once when memory runs out; no answer changes."""

import numpy as np
import pytest
import torch
from torch import nn

from wsi_scale.errors import NetworkError
from wsi_scale.geometry import ScaleGrid, Site
from wsi_scale.networks import build_network
from wsi_scale.networks.predictions import predictions
from wsi_scale.responses.measure import measure_responses
from wsi_scale.slide.pyramid import Pyramid

GRID = ScaleGrid(tuple(2.0**k for k in range(7)))


class Hungry(nn.Module):
    """Wants more memory than there is when it sees more than ``most`` patches."""

    def __init__(self, how):
        super().__init__()
        self.conv = nn.Conv2d(3, 2, 3)
        self.most, self.how, self.seen = 99, how, []

    def forward(self, x):
        self.seen.append(len(x))
        if len(x) > self.most:
            self.how()
        return self.conv(x).mean((2, 3))


def allocate():
    torch.empty(2**56, dtype=torch.uint8)


def accelerator():
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")


@pytest.fixture(params=[allocate, accelerator])
def network(request):
    return build_network("hungry", Hungry(request.param))


def pyramid():
    patches = np.random.default_rng(0).integers(0, 256, (7, 96, 96, 3), np.uint8)
    return Pyramid(Site(500, 500), GRID, tuple(range(7)), patches, (False,) * 7)


def test_the_batch_halves_until_it_fits_and_stays_so(network):
    whole = measure_responses(network, [pyramid()])
    network.module.most, network.module.seen = 2, []
    halved = measure_responses(network, [pyramid(), pyramid()], batch_size=5)
    assert network.module.seen == [4, 2, 2, 2, 1, 2, 2, 2, 1]  # at most 4 on a processor
    assert np.allclose(halved.outputs[:7], whole.outputs, atol=1e-6)
    assert np.array_equal(predictions(network, pyramid().patches)[:, 0], whole.share[:, 0] > 0.5)


def test_a_single_patch_that_does_not_fit_is_told_in_one_sentence(network):
    network.module.most = 0
    with pytest.raises(NetworkError, match="hungry ran out of memory on cpu with a single patch"):
        measure_responses(network, [pyramid()])


def test_another_error_of_the_network_is_not_taken_for_a_lack_of_memory(network):
    network.module.how, network.module.most = lambda: 1 / 0, 3
    with pytest.raises(NetworkError, match="ZeroDivisionError"):
        measure_responses(network, [pyramid()])
    assert network.module.seen[-1] == 4
