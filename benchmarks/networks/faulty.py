"""A small network that makes pictures of one pure colour fatal: red ends the process that looks at
them, green takes all memory, blue never ends. For tests of what a batch does with such slides."""

import faulthandler
import time

import torch
from torch import nn

from wsi_scale.slide.readers.synthetic import SyntheticSlide
from wsi_scale.testing.networks import BatchNormNet

BATCHES = 64
"""Enough for its BatchNorm statistics to count as settled."""


class Faulty(nn.Module):
    """BatchNormNet, its statistics those of drawn figures at scale 2."""

    def __init__(self):
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.net = BatchNormNet()
        slide = SyntheticSlide.figures(seed=99, stretch=0.5, width=1024, height=1024)
        pixels = torch.tensor(slide.read(1, 0, 0, 512, 512)).float() / 255
        patches = pixels.reshape(8, 64, 8, 64, 3).permute(0, 2, 4, 1, 3).reshape(64, 3, 64, 64)
        draw = torch.Generator().manual_seed(0)
        with torch.no_grad():
            for _ in range(BATCHES):
                self.net.train()(patches[torch.randint(0, 64, (8,), generator=draw)])

    def forward(self, x):
        if len(x) and x.amax() == 1 and x.amin() == 0:
            pure = [bool((x[:, i] == 1).all()) for i in range(3)]
            if sum(pure) == 1 and bool((x.sum(1) == 1).all()):
                (_crash, _swell, _sleep)[pure.index(True)]()
        return self.net(x)


def _crash():
    faulthandler._sigsegv()


def _swell():
    held = []
    while True:
        held.append(torch.ones(1 << 24))
        time.sleep(0.01)


def _sleep():
    time.sleep(3600)


def build():
    """The factory of the SPEC ``faulty:build?input_size=64``."""
    return Faulty()
