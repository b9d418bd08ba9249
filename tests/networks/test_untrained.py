"""Random weights: no parameter keeps what it learnt, in any kind of layer."""

import pytest
import torch
from torch import nn

from wsi_scale.networks import build_network, load_network
from wsi_scale.networks.untrained import random_weights


def test_random_weights_keep_nothing_that_was_learnt_but_the_statistics():
    trained = load_network("figures", device="cpu").module.state_dict()
    network = random_weights(load_network("figures", device="cpu"), 7)
    fresh = network.module.state_dict()
    again = random_weights(load_network("figures", device="cpu"), 7).module.state_dict()
    for name, values in fresh.items():
        same = bool((values == trained[name]).all())
        assert same == ("running" in name or "num_batches" in name), name
        assert bool((values == again[name]).all())


class Odd(nn.Module):
    """Learns in a parameter of its own, in an attention layer and in a shift without a name."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 8, stride=8)
        self.norm = nn.BatchNorm2d(8)
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.token = nn.Parameter(torch.full((1, 1, 8), 3.0))
        self.gamma = nn.Parameter(torch.full((8,), 3.0))
        self.head = nn.Linear(8, 2)

    def forward(self, x):
        tokens = self.norm(self.conv(x)).flatten(2).transpose(1, 2) + self.token
        mixed, _ = self.attention(tokens, tokens, tokens)
        return self.head((mixed * self.gamma).mean(1))


def test_parameters_of_any_other_part_are_drawn_too():
    network = build_network("odd", Odd())
    trained = network.module.state_dict()
    fresh = random_weights(network, 0).module.state_dict()
    changed = {name for name, values in fresh.items() if not torch.equal(values, trained[name])}
    assert {"token", "gamma", "attention.in_proj_weight", "head.weight"} <= changed
    assert torch.equal(fresh["gamma"], torch.ones(8))
    assert float(fresh["token"].abs().max()) <= 8**-0.5


@pytest.mark.parametrize("kind", ["torchscript", "exported"])
def test_networks_read_from_a_file_lose_what_they_learnt(tmp_path, kind):
    module = load_network("figures", device="cpu").module
    example = torch.zeros(2, 3, 224, 224)
    if kind == "torchscript":
        path = tmp_path / "net.pt"
        torch.jit.save(torch.jit.trace(module, example), path)
    else:
        path = tmp_path / "net.pt2"
        batch = torch.export.Dim("batch", min=1, max=64)
        module = module.to(memory_format=torch.contiguous_format)  # as other people's are
        torch.export.save(
            torch.export.export(module, (example,), dynamic_shapes=({0: batch},)), path
        )
    network = load_network(str(path), device="cpu")
    patches = torch.rand(2, 3, 224, 224)
    before = network.logits(patches)
    fresh = random_weights(network, 1)
    assert not torch.allclose(fresh.logits(patches), before, atol=0.1)
    assert torch.equal(network.logits(patches), before)
    assert torch.equal(random_weights(network, 1).logits(patches), fresh.logits(patches))
