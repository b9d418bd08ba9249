"""Where a class's score comes from: known networks have known maps."""

import numpy as np
import pytest
import torch
from torch import nn

from wsi_scale.networks.build import build_network
from wsi_scale.networks.card import Card
from wsi_scale.pipeline.explain.grad_cam import grad_cam, has_planes, planes_of
from wsi_scale.pipeline.explain.hidden_parts import map_by_hiding

SIDE = 56


class Corner(nn.Module):
    """A classifier that sees only the upper left quarter of the last stage."""

    def __init__(self, *, channels_last=False):
        super().__init__()
        self.stage = nn.Conv2d(3, 4, 7, stride=7)
        self.last = channels_last
        self.turn = nn.Identity()
        self.head = nn.Linear(4, 2)

    def forward(self, x):
        seen = self.stage(x).relu()
        if self.last:
            seen = self.turn(seen.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        return self.head(seen[:, :, :4, :4].mean((2, 3)))


class Tokens(nn.Module):
    """A small vision transformer: a class token alone goes to the head."""

    def __init__(self, leading=1):
        super().__init__()
        self.patches = nn.Conv2d(3, 8, 14, stride=14)
        self.leading = nn.Parameter(torch.randn(1, leading, 8))
        self.block = nn.TransformerEncoderLayer(8, 2, 16, norm_first=True, batch_first=True)
        self.norm = nn.LayerNorm(8)
        self.head = nn.Linear(8, 2)

    def forward(self, x):
        tokens = self.patches(x).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.leading.expand(len(x), -1, -1), tokens], 1)
        return self.head(self.norm(self.block(tokens))[:, 0])


class Pixels(nn.Module):
    """A segmenter: class 1 where red is above 128."""

    def __init__(self):
        super().__init__()
        self.features = nn.Conv2d(3, 1, 1, bias=False)
        self.head = nn.Conv2d(1, 2, 1)
        with torch.no_grad():
            self.features.weight.copy_(torch.tensor([1.0, 0, 0]).view(1, 3, 1, 1))
            self.head.weight.copy_(torch.tensor([-1.0, 1.0]).view(2, 1, 1, 1))
            self.head.bias.copy_(torch.tensor([0.5, -0.5]))

    def forward(self, x):
        return self.head(self.features(x))


def network(module, **card):
    torch.manual_seed(0)
    return build_network("made", module, Card(input_size=SIDE, **card))


def noise(count=2):
    return np.random.default_rng(0).integers(0, 256, (count, SIDE, SIDE, 3)).astype(np.uint8)


def best_class(made):
    """The class whose map is not empty: its scores come from something."""
    return max((0, 1), key=lambda k: grad_cam(made, noise(), k).heat.sum())


@pytest.mark.parametrize("channels_last", [False, True])
def test_the_map_of_a_network_that_looks_at_one_corner_lies_in_that_corner(channels_last):
    torch.manual_seed(0)
    made = network(Corner(channels_last=channels_last))
    found = grad_cam(made, noise(), best_class(made))
    assert found.heat.shape == (2, 8, 8)
    assert found.heat[:, :4, :4].max() > 0
    assert found.heat[:, 4:].max() == found.heat[:, :, 4:].max() == 0


def test_a_map_by_hiding_lies_in_that_corner_too():
    torch.manual_seed(0)
    made = network(Corner())
    found = map_by_hiding(made, noise(), best_class(made), batch_size=7)
    assert found.heat.shape == (2, 7, 7)
    assert found.heat[:, :4, :4].max() > 0
    assert found.heat[:, 4:].max() < 1e-6
    assert found.heat[:, :, 4:].max() < 1e-6


@pytest.mark.parametrize("leading", [0, 1, 5])
def test_a_transformers_map_comes_from_before_its_last_attention(leading):
    """After it the places no longer reach the class token; without one, place 0 is the class."""
    torch.manual_seed(0)
    module = Tokens(leading or 1)
    if not leading:
        module.leading = nn.Parameter(torch.zeros(1, 0, 8))
    made = network(module)
    found = grad_cam(made, noise(), best_class(made))
    assert found.layer == ("block.norm1" if leading else "norm")
    assert found.heat.shape == (2, 4, 4)


def test_a_segmenters_map_lies_where_it_finds_the_class():
    patch = np.zeros((1, SIDE, SIDE, 3), np.uint8)
    patch[0, 10:30, 20:40, 0] = 200
    found = grad_cam(network(Pixels(), task="segment", activation="softmax"), patch, 1)
    rows, columns = np.nonzero(found.heat[0])
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (10, 29, 20, 39)


def test_a_network_without_gradient_has_no_map_by_gradient():
    class Opaque(Corner):
        def forward(self, x):
            with torch.no_grad():
                return super().forward(x)

    assert grad_cam(network(Opaque()), noise(), 0) is None


def test_no_hook_and_no_flag_is_left_behind():
    made = network(Corner())
    before = {name: parameter.requires_grad for name, parameter in made.module.named_parameters()}
    grad_cam(made, noise(), 0)
    assert not any(one._forward_hooks or one._forward_pre_hooks for one in made.module.modules())
    after = {name: parameter.requires_grad for name, parameter in made.module.named_parameters()}
    assert after == before


@pytest.mark.parametrize(
    ("shape", "planes"),
    [
        ((2, 8, 7, 7), (2, 8, 7, 7)),
        ((2, 7, 7, 8), (2, 8, 7, 7)),
        ((2, 49, 8), (2, 8, 7, 7)),
        ((2, 54, 8), (2, 8, 7, 7)),  # five leading tokens
    ],
)
def test_maps_and_tokens_become_planes(shape, planes):
    assert has_planes(torch.zeros(shape), 2)
    assert tuple(planes_of(torch.zeros(shape)).shape) == planes


@pytest.mark.parametrize(
    "shape", [(2, 8), (2, 8, 1, 1), (3, 8, 7, 7), (2, 8, 7, 5), (2, 12, 197, 64)]
)
def test_what_has_no_places_is_no_map(shape):
    assert not has_planes(torch.zeros(shape), 2)


def test_tokens_lie_row_by_row():
    tokens = torch.arange(5.0).view(1, 5, 1)
    assert planes_of(tokens)[0, 0].tolist() == [[1, 2], [3, 4]]
