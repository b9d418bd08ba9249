"""A network has the same fingerprint as a TorchScript or exported file as in Python."""

import warnings

import numpy as np
import pytest
import torch
from torch import nn

from wsi_scale import Settings, estimate_slide
from wsi_scale.networks import build_network, load_network
from wsi_scale.networks.card import Card
from wsi_scale.networks.hooks import hooked
from wsi_scale.networks.untrained import random_weights


class Branching(nn.Module):
    """A residual network of two BatchNorms, a loop and a branch, one BatchNorm without affine."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 6, 3, padding=1), nn.BatchNorm2d(6))
        self.blocks = nn.ModuleList([nn.Conv2d(6, 6, 3, padding=1) for _ in range(2)])
        self.norm = nn.BatchNorm2d(6, affine=False)
        self.head = nn.Linear(6, 2)

    def forward(self, x):
        x = self.stem(x)
        parts = []
        for block in self.blocks:
            x = x + torch.relu(block(x))
            parts.append(x)
        x = self.norm(parts[-1])
        if x.shape[-1] > 100000:
            x = x * 2
        return self.head(x.mean([2, 3]))


@pytest.fixture(scope="module")
def trained():
    torch.manual_seed(0)
    module = Branching()
    for _ in range(60):
        module(torch.rand(8, 3, 48, 48))
    return module.eval()


def scripted(module, path):
    torch.jit.script(module).save(str(path))


def traced(module, path):
    torch.jit.trace(module, torch.zeros(2, 3, 96, 96)).save(str(path))


def frozen_as_it_was(module, path):
    torch.jit.freeze(torch.jit.script(module), optimize_numerics=False).save(str(path))


def exported(module, path, batch=2):
    free = {0: torch.export.Dim("batch", min=1)} if batch > 1 else None
    patch = torch.zeros(batch, 3, 96, 96)
    program = torch.export.export(module, (patch,), dynamic_shapes=(free,))
    torch.export.save(program, path)


def exported_for_one(module, path):
    exported(module, path, batch=1)


def decomposed(module, path):
    free = {0: torch.export.Dim("batch", min=1)}
    program = torch.export.export(module, (torch.zeros(2, 3, 96, 96),), dynamic_shapes=(free,))
    torch.export.save(program.run_decompositions(), path)


WAYS = {
    "scripted.pt": scripted,
    "traced.pt": traced,
    "frozen.pt": frozen_as_it_was,
    "exported.pt2": exported,
    "one.pt2": exported_for_one,
    "decomposed.pt2": decomposed,
}


@pytest.fixture(scope="module", params=WAYS)
def twin(request, trained, tmp_path_factory):
    path = tmp_path_factory.mktemp("net") / request.param
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        WAYS[request.param](trained, path)
    return load_network(f"{path}?input_size=96", device="cpu")


@pytest.fixture(scope="module")
def eager(trained):
    return build_network("eager", trained, Card(input_size=96))


def stored(network):
    found = [layer for layer in network.layers() if layer.kind == "batchnorm"]
    return [
        (network.module.get_submodule(layer.name).running_mean, layer.encoder) for layer in found
    ]


def test_the_stored_statistics_are_those_of_the_eager_twin(twin, eager):
    assert len(stored(twin)) == 2
    for (mean, encoder), (wanted, as_encoder) in zip(stored(twin), stored(eager), strict=True):
        assert torch.equal(mean, wanted)
        assert encoder == as_encoder
    if "frozen" not in twin.spec:
        assert twin.batchnorm_batches == 60
        assert [x.name for x in twin.layers() if x.kind == "batchnorm"] == ["stem.1", "norm"]


def test_the_logits_are_those_of_the_eager_twin(twin, eager):
    x = twin.prepare(np.random.default_rng(0).integers(0, 256, (3, 96, 96, 3), np.uint8))
    assert torch.allclose(twin.logits(x), eager.logits(x), atol=1e-5)


def test_the_fingerprint_is_that_of_the_eager_twin(twin, eager):
    slide = "synthetic:figures?seed=1&stretch=0.5&width=900&height=800"
    settings = Settings(sites=3, scales=(1, 4), dense=True, per_octave=2, estimator="fingerprint")
    mine, other = (estimate_slide(slide, network, settings) for network in (twin, eager))
    assert mine.scale == pytest.approx(other.scale, rel=1e-4)


def test_random_weights_keep_the_statistics_and_leave_the_network_alone(twin):
    x = twin.prepare(np.full((2, 96, 96, 3), 100, np.uint8))
    before = twin.logits(x)
    other = random_weights(twin, 1)
    for (mean, _), (kept, _) in zip(stored(twin), stored(other), strict=True):
        assert torch.equal(mean, kept)
    assert torch.equal(twin.logits(x), before)
    if "frozen" not in twin.spec:
        assert not torch.equal(other.logits(x), before)


def test_folded_batchnorms_are_said_to_be_lost(tmp_path):
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 1, 1))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        frozen = torch.jit.freeze(torch.jit.trace(module.eval(), torch.zeros(2, 3, 96, 96)))
        frozen.save(str(tmp_path / "n.pt"))
    network = load_network(str(tmp_path / "n.pt"), device="cpu")
    (note,) = network.notes
    assert "folded into its convolutions" in note
    assert [layer.name for layer in network.layers()] == ["output"]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_torchscript_in_half_precision_gives_an_answer(trained, tmp_path, dtype):
    import copy

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scripted(copy.deepcopy(trained).to(dtype), tmp_path / "n.pt")
    network = load_network(str(tmp_path / "n.pt"), device="cpu")
    patches = np.random.default_rng(0).integers(0, 256, (2, 96, 96, 3), np.uint8)
    logits = network.logits(network.prepare(patches))
    wanted = trained(network.prepare(patches))
    assert logits.dtype == torch.float32
    assert torch.allclose(logits, wanted, atol=0.1)


def test_all_batchnorms_of_the_bundled_u_net_are_heard_from_its_torchscript(tmp_path):
    eager = load_network("histology", device="cpu")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        traced(eager.module, tmp_path / "n.pt")
    twin = load_network(str(tmp_path / "n.pt"), device="cpu")
    assert len(stored(twin)) == 14
    x = torch.rand(2, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    seen = []
    for network in (twin, eager):
        choices = [layer for layer in network.layers() if layer.kind == "batchnorm"]
        with torch.no_grad(), hooked(network.module, choices) as heard:
            network.logits(x)
        seen.append([heard.moments[choice.name] for choice in choices])
    for mine, other in zip(*seen, strict=True):
        assert torch.equal(mine[0], other[0])
        assert torch.equal(mine[1], other[1])
