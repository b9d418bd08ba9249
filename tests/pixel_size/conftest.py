"""Votes made by hand."""

import numpy as np
import pytest

from wsi_scale.pixel_size.votes import CENTRES, Votes

OCTAVES = np.repeat(np.arange(0, 4.01, 0.2), 4)


def make_votes(truth, octaves=OCTAVES, slope=1.0, wide=0.1, off=0.0):
    """What a network says that reads patches of a slide of 2**truth µm/px, rightly or not."""
    read = truth + slope * octaves + off
    shares = -0.5 * ((CENTRES - np.clip(read, *CENTRES[[0, -1]])[:, None]) / wide) ** 2
    shares -= np.log(np.exp(shares).sum(1, keepdims=True))
    return Votes(np.maximum(shares, -60), np.asarray(octaves, float))


@pytest.fixture(scope="session")
def votes():
    """Maker of votes: (truth, octaves, slope, wide, off) in octaves."""
    return make_votes
