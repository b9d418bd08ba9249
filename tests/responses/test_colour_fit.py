"""The colour fit undoes a known change of colour and changes nothing without one."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from wsi_scale.errors import SettingsError
from wsi_scale.estimators import Options
from wsi_scale.estimators.fingerprint import prepare
from wsi_scale.geometry import ScaleGrid, Site
from wsi_scale.networks import Card, build_network
from wsi_scale.networks.layers import encoder_batchnorms
from wsi_scale.responses.colour_fit import UNCHANGED, Colour, add_freed, fit_colours, recolour
from wsi_scale.responses.measure import measure_responses
from wsi_scale.responses.record import COLOUR_FREED, PLAIN, Responses
from wsi_scale.slide.pyramid import Pyramid
from wsi_scale.testing.networks import analytic_network, batchnorm_network

SIDE = 96
ONE = ScaleGrid((1.0,))
STAIN = Colour((1.2, 0.85, 1.1), (0.05, 0.1, 0.02))


def tissue(count, seed, block=8):
    """Patches of squares of gamma-distributed density, with finer grain on top."""
    rng = np.random.default_rng(seed)
    coarse = rng.gamma(2, 0.15, (count, SIDE // block, SIDE // block, 3))
    coarse = coarse.repeat(block, 1).repeat(block, 2)
    density = coarse + rng.gamma(1, 0.05, (count, SIDE, SIDE, 3))
    return np.clip(256 * np.exp(-density) - 1, 0, 255).round().astype(np.uint8)


def pyramids(patches, grid=ONE):
    """One site per row; patches (N, S, H, W, 3), or (N, H, W, 3) at one scale."""
    stacks = patches if patches.ndim == 5 else patches[:, None]
    indices = tuple(range(len(grid)))
    flags = (False,) * len(grid)
    return [Pyramid(Site(i, 0), grid, indices, stack, flags) for i, stack in enumerate(stacks)]


def stained(patches, colour=STAIN):
    flat = patches.reshape(-1, SIDE, SIDE, 3)
    painted = colour.paint(flat).round().astype(np.uint8).transpose(0, 2, 3, 1)
    return painted.reshape(patches.shape)


@pytest.fixture(scope="module")
def network():
    return batchnorm_network(0, tissue(8, 0))


def misfit(responses, variant):
    """Nats per channel at the first scale, all sites alike."""
    options = Options(match_mixture=False, colour_freed=variant == COLOUR_FREED)
    responses = replace(responses, batchnorm_batches=None)
    return -prepare(responses, options)(np.ones(len(responses.sites))).score[0]


def freed(network, stacks):
    colours = fit_colours(network, stacks)
    plain = measure_responses(network, stacks)
    again = measure_responses(network, [recolour(stack, colours) for stack in stacks])
    return add_freed(plain, again)


def test_no_change_keeps_every_value():
    assert UNCHANGED.table == pytest.approx(np.tile(np.arange(256.0), (3, 1)), abs=1e-3)


def test_a_gain_of_two_squares_the_transmission():
    """127 lets half of the light through (128 / 256), so twice its density a quarter: 63."""
    assert Colour((2, 2, 2)).table[:, 127] == pytest.approx(63, abs=1e-3)


def test_an_offset_of_ln_2_halves_the_light_of_every_value():
    table = Colour((1, 1, 1), (np.log(2), 0, 0)).table
    assert table[0, 255] == pytest.approx(127, abs=1e-3)
    assert table[1, 255] == pytest.approx(255, abs=1e-3)


def test_each_channel_is_painted_by_its_own_row():
    patches = tissue(2, 3)
    painted = STAIN.paint(patches)
    assert painted.shape == (2, 3, SIDE, SIDE)
    assert painted[1, 2, 5, 7] == STAIN.table[2, patches[1, 5, 7, 2]]


def test_patches_like_the_training_data_stay_as_they_are(network):
    (colour,) = fit_colours(network, pyramids(tissue(8, 0)))
    assert colour.gain == pytest.approx((1, 1, 1), abs=1e-3)
    assert colour.offset == pytest.approx((0, 0, 0), abs=1e-3)


def test_a_known_change_of_colour_is_undone(network):
    original = tissue(8, 0)
    changed = stained(original)
    (colour,) = fit_colours(network, pyramids(changed))
    back = colour.paint(changed).transpose(0, 2, 3, 1)
    error = np.abs(back - original).mean()
    assert error < 0.2 * np.abs(changed.astype(float) - original).mean()


def test_the_statistics_are_restored(network):
    responses = freed(network, pyramids(stained(tissue(8, 0))))
    assert misfit(responses, COLOUR_FREED) < 0.02 * misfit(responses, PLAIN)


def test_the_fit_is_the_same_every_time_and_for_every_batch(network):
    stacks = pyramids(stained(tissue(4, 2)))
    (first,), (second,) = fit_colours(network, stacks), fit_colours(network, stacks)
    assert first == second
    (small,) = fit_colours(network, stacks, batch_size=3)
    assert small.gain == pytest.approx(first.gain, abs=1e-3)


def test_each_scale_is_fitted_by_itself(network):
    grid = ScaleGrid((1.0, 2.0))
    both = np.stack([tissue(4, 0), stained(tissue(4, 0))], axis=1)
    near, far = fit_colours(network, pyramids(both, grid))
    assert np.abs(np.array(near.offset)).max() < 0.03
    assert np.abs(np.array(far.offset)).max() > 0.05


def test_a_scale_without_patches_has_no_colour(network):
    (stack,) = pyramids(tissue(1, 0))
    stack = Pyramid(stack.site, ScaleGrid((0.5, 1.0)), (1,), stack.patches, (False,))
    missing, found = fit_colours(network, [stack])
    assert missing is None
    assert found is not None
    assert (recolour(stack, (None, UNCHANGED)).patches == stack.patches).all()


def test_a_network_without_batchnorm_gets_no_colours():
    stacks = pyramids(tissue(1, 0)[:, :16, :16])
    assert fit_colours(analytic_network(1), stacks) == (None,)


@pytest.mark.parametrize("card", [{"channels": 1}, {"scaling": "standardise"}], ids=str)
def test_colours_that_a_network_cannot_see_are_left_alone(card):
    torch.manual_seed(0)
    channels = card.get("channels", 3)
    module = nn.Sequential(nn.Conv2d(channels, 4, 3), nn.BatchNorm2d(4, momentum=None))
    blind = build_network("blind", nn.Sequential(module, nn.Conv2d(4, 1, 1)), Card(**card))
    with torch.no_grad():
        module.train()(blind.prepare(tissue(4, 0)))
    module.eval()
    (colour,) = fit_colours(blind, pyramids(stained(tissue(4, 0))))
    assert np.abs(np.array(colour.gain) - 1).max() < 0.5
    assert np.abs(np.array(colour.offset)).max() < 0.5


def test_no_hook_and_no_flag_survives_the_fit(network):
    fit_colours(network, pyramids(tissue(1, 1)))
    assert not any(module._forward_pre_hooks for module in network.module.modules())
    assert not any(module._forward_hooks for module in network.module.modules())


def test_variants_save_and_load(network, tmp_path):
    responses = freed(network, pyramids(stained(tissue(3, 4))))
    responses.save(tmp_path / "both.npz")
    loaded = Responses.load(tmp_path / "both.npz")
    assert list(loaded.variant) == [PLAIN] * 3 + [COLOUR_FREED] * 3
    assert list(loaded.site_index) == [0, 1, 2, 0, 1, 2]
    assert len(loaded.sites) == 3
    assert [x.encoder for x in loaded.layers] == [x.encoder for x in responses.layers]
    layer = loaded.of_kind("batchnorm")[0]
    before, after = (loaded.on_grid(layer.mean, v) for v in (PLAIN, COLOUR_FREED))
    assert np.isfinite(before).all()
    assert np.abs(before - after).max() > 0.01


def test_variants_of_different_sites_are_not_joined(network):
    one, two = pyramids(tissue(2, 0))
    with pytest.raises(SettingsError, match="different sites"):
        add_freed(measure_responses(network, [one]), measure_responses(network, [two]))


class Hourglass(nn.Module):
    """BatchNorms at 1, 1/2 and 1 of the patch's side."""

    def __init__(self):
        super().__init__()
        self.down, self.wide = nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4)
        self.deep, self.narrow = nn.Conv2d(4, 4, 3, stride=2, padding=1), nn.BatchNorm2d(4)
        self.up, self.last = nn.Upsample(scale_factor=2), nn.BatchNorm2d(4)
        self.head = nn.Conv2d(4, 1, 1)

    def forward(self, x):
        x = torch.relu(self.wide(self.down(x)))
        x = torch.relu(self.narrow(self.deep(x)))
        return self.head(torch.relu(self.last(self.up(x))))


def test_the_encoder_ends_at_the_coarsest_resolution(network):
    hourglass = build_network("hourglass", Hourglass(), Card())
    assert [x.name for x in encoder_batchnorms(hourglass.calls)] == ["wide", "narrow"]
    assert {x.name for x in hourglass.layers() if x.encoder} == {"wide", "narrow"}
    assert [x.name for x in encoder_batchnorms(network.calls)] == ["norm1", "norm2"]
