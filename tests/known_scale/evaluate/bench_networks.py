"""Networks that the tests of the bench name in a SPEC."""

import torch
from torch import nn

from wsi_scale.testing.networks import BatchNormNet


def settled():
    """Random but always the same weights; its BatchNorms say they were trained."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = BatchNormNet()
    for norm in (module.norm1, module.norm2):
        norm.running_mean.fill_(0.1)
        norm.num_batches_tracked.fill_(100)
    return module


def fickle():
    """Other weights each time it is made."""
    torch.seed()
    return BatchNormNet()


class Dark(nn.Module):
    """Finds what is not white, pixel by pixel."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 1, 1)
        nn.init.constant_(self.conv.weight, -20.0)
        nn.init.constant_(self.conv.bias, 57.0)  # 0 where the mean colour is 0.95

    def forward(self, x):
        return self.conv(x)
