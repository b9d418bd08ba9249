"""A network that predicts no classes goes through a whole run."""

import numpy as np
import pytest
import torch
from torch import nn

from wsi_scale.errors import SettingsError
from wsi_scale.networks import build_network
from wsi_scale.pipeline.explain.look import look_inside
from wsi_scale.pipeline.iterate import estimate_slide, iter_estimates
from wsi_scale.pipeline.settings import Settings
from wsi_scale.testing.slides import disc_image


class Encoder(nn.Module):
    """Two convolutions with BatchNorm; features are the mean over all pixels."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 6, 5, 2, 2), nn.BatchNorm2d(6), nn.ReLU(), nn.Conv2d(6, 8, 5, 2, 2)
        )
        self.norm = nn.BatchNorm2d(8)

    def forward(self, x):
        return self.norm(self.body(x)).mean((2, 3))


@pytest.fixture
def network():
    torch.manual_seed(0)
    module = Encoder()
    picture = disc_image(10, spacing=50)[None, :480, :480]
    patches = torch.tensor(picture).permute(0, 3, 1, 2).float() / 255
    for part in (module.body[1], module.norm):
        part.momentum = None
    with torch.no_grad():
        module.train()(patches)
    for part in (module.body[1], module.norm):
        part._buffers["num_batches_tracked"] = None
    return build_network("encoder", module)


@pytest.mark.parametrize("colour_fit", [False, True])
def test_it_is_measured_in_coarse_and_fine_steps(network, colour_fit):
    settings = Settings(
        sites=6, scales=(1, 4), ruler=False, resamples=10, colour_fit=colour_fit, as_is_sites=2
    )
    picture = np.tile(disc_image(20), (2, 2, 1))
    report = estimate_slide(picture, network, settings)
    assert report.estimator == "fingerprint"
    assert report.voices["fingerprint"] is not None
    assert report.provenance.patches > 3 * 6  # more than the first, coarse step
    assert (report.tolerance, report.as_is, report.classes) == (None, [], [])


def test_there_is_no_score_to_explain(network):
    settings = Settings(sites=4, scales=(1, 4), ruler=False, resamples=10)
    *_, last = iter_estimates(np.tile(disc_image(20), (2, 2, 1)), network, settings)
    with pytest.raises(SettingsError, match=r"encoder predicts no classes \(task = 'features'\)"):
        look_inside(last)
