"""BatchNorm statistics that do not belong to the weights: the signs in a checkpoint."""

from dataclasses import replace

import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn, update_bn

from wsi_scale.networks import build_network, load_network
from wsi_scale.networks.architectures import FiguresNet
from wsi_scale.networks.card import Card
from wsi_scale.networks.staleness import LAG, lag_of_means, unexplained

FIGURES = "wsi_scale.networks.architectures:FiguresNet?classes=2"


def trained(steps=3, schedule=None):
    """A module that saw a few batches, its optimiser, and an average over every step."""
    torch.manual_seed(0)
    module = FiguresNet(classes=2)
    optimiser = torch.optim.Adam(module.parameters(), lr=1e-3)
    falling = schedule and schedule(optimiser)
    average = AveragedModel(module, multi_avg_fn=get_ema_multi_avg_fn(0.9))
    for batch in torch.rand(steps, 2, 3, 16, 16):
        optimiser.zero_grad()
        module(batch)[:, 0].sum().backward()
        optimiser.step()
        if falling:
            falling.step()
        average.update_parameters(module)
    return module, optimiser, average


def load(checkpoint, tmp_path):
    torch.save(checkpoint, tmp_path / "w.pt")
    return load_network(f"{FIGURES}&weights={tmp_path / 'w.pt'}", device="cpu")


def only(warnings):
    (one,) = warnings
    assert "update_bn" in one
    return one


def test_averaged_weights_load_and_are_warned_of(tmp_path):
    _, _, average = trained()
    network = load(average.state_dict(), tmp_path)
    x = torch.rand(1, 3, 32, 32)
    assert torch.equal(network.module(x), average.module.eval()(x))
    assert "the weights are an average (n_averaged = 3)" in only(network.warnings)


def test_averaged_weights_are_known_in_safetensors_too(tmp_path):
    _, _, average = trained()
    save_file(average.state_dict(), tmp_path / "w.safetensors")
    network = load_network(f"{FIGURES}&weights={tmp_path / 'w.safetensors'}", device="cpu")
    assert "n_averaged = 3" in only(network.warnings)


def test_a_count_of_batches_that_was_averaged_too_does_not_silence_the_warning(tmp_path):
    module, _, _ = trained()
    average = AveragedModel(module, multi_avg_fn=get_ema_multi_avg_fn(0.999), use_buffers=True)
    for _ in range(5):
        module(torch.rand(2, 3, 16, 16))
        average.update_parameters(module)
    assert int(average.module.features[2].num_batches_tracked) < 5
    assert "n_averaged = 5" in only(load(average.state_dict(), tmp_path).warnings)


def test_an_average_is_opened_only_where_there_are_no_other_weights(tmp_path):
    module, _, average = trained()
    both = {"state_dict": module.state_dict(), "state_dict_ema": average.module.state_dict()}
    network = load(both, tmp_path)
    x = torch.rand(1, 3, 32, 32)
    assert torch.equal(network.module(x), module.eval()(x))
    assert network.warnings == ()
    network = load({"state_dict_ema": average.module.state_dict()}, tmp_path)
    assert torch.equal(network.module(x), average.module.eval()(x))
    assert "'state_dict_ema'" in only(network.warnings)


def halved(optimiser):
    return torch.optim.lr_scheduler.ExponentialLR(optimiser, 0.5)


def to_zero(optimiser):
    return torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, 3)


def one_cycle(optimiser):
    return torch.optim.lr_scheduler.OneCycleLR(optimiser, 1e-2, total_steps=4)


@pytest.mark.parametrize(
    ("schedule", "says"),
    [
        (None, "the checkpoint holds a learning rate of 0.001 and no schedule"),
        (halved, "the learning rate was still 12% of its peak"),
        (to_zero, None),
        (one_cycle, None),
    ],
)
@pytest.mark.parametrize("nest", ["optimizer", "optimizer_states"])
def test_an_optimiser_beside_the_weights_tells_whether_its_rate_fell(
    tmp_path, schedule, says, nest
):
    module, optimiser, _ = trained(3, schedule)
    state = optimiser.state_dict()
    saved = {"state_dict": module.state_dict(), nest: [state] if nest.endswith("s") else state}
    warnings = load(saved, tmp_path).warnings
    assert warnings == () if says is None else says in only(warnings)


def test_strange_optimisers_say_nothing(tmp_path):
    module, _, _ = trained()
    for strange in (None, 3, [3], {}, {"param_groups": 3}, {"param_groups": [3, {"lr": "high"}]}):
        saved = {"state_dict": module.state_dict(), "optimizer": strange}
        assert load(saved, tmp_path).warnings == ()


def test_the_card_has_the_last_word(tmp_path):
    _, _, average = trained()
    torch.save(average.state_dict(), tmp_path / "w.pt")
    text = f'source = "{FIGURES}"\nweights = "w.pt"\n'
    for word, count in (("", 1), ('statistics = "settled"\n', 0), ('statistics = "stale"\n', 1)):
        (tmp_path / "card.toml").write_text(text + word)
        assert len(load_network(str(tmp_path), device="cpu").warnings) == count
    assert "its card says so" in only(load_network(str(tmp_path), device="cpu").warnings)


def test_a_network_without_batchnorm_has_no_stale_statistics():
    module = torch.nn.Conv2d(3, 2, 3, padding=1)
    assert build_network("plain", module, Card(statistics="stale")).warnings == ()


class Widening(torch.nn.Module):
    """Two channels made six by a 1×1 convolution, into a BatchNorm."""

    def __init__(self, width=6):
        super().__init__()
        self.narrow = torch.nn.Conv2d(3, 2, 3, padding=1)
        self.wide = torch.nn.Conv2d(2, width, 1)
        self.norm = torch.nn.BatchNorm2d(width)
        self.last = torch.nn.Conv2d(width, 2, 1)

    def forward(self, x):
        return self.last(self.norm(self.wide(torch.relu(self.narrow(x)))))


def seen(module, batches=20):
    torch.manual_seed(1)
    module.train()
    for batch in torch.rand(batches, 4, 3, 16, 16):
        module(batch)
    return module


def moved(module, step):
    with torch.no_grad():
        module.wide.weight += step * torch.randn_like(module.wide.weight)
    return module


def test_means_that_the_weights_can_produce_are_trusted():
    torch.manual_seed(0)
    module = seen(Widening())
    assert unexplained(module.wide, module.norm) < 1e-5
    assert build_network("wide", module).warnings == ()


def test_recomputed_means_silence_what_the_checkpoint_lets_suspect():
    torch.manual_seed(0)
    suspected = ("the weights are an average (n_averaged = 3)",)
    stale = moved(seen(Widening()), 0.05)
    assert "n_averaged" not in only(
        replace(build_network("w", stale), stale_signs=suspected).warnings
    )
    update_bn(torch.rand(20, 4, 3, 16, 16), stale)
    assert replace(build_network("w", stale), stale_signs=suspected).warnings == ()


def test_means_that_no_input_explains_are_warned_of():
    torch.manual_seed(0)
    module = moved(seen(Widening()), 0.05)
    lag = unexplained(module.wide, module.norm)
    assert lag > LAG
    told = only(build_network("wide", module).warnings)
    assert f"{lag:.1%} of its stored means cannot come from its weights" in told


def test_what_is_unexplained_is_a_share_in_stored_deviations():
    conv, norm = torch.nn.Conv2d(1, 3, 1, bias=False), torch.nn.BatchNorm2d(3)
    conv.weight.data = torch.tensor([2.0, 0, 0]).view(3, 1, 1, 1)
    norm.running_mean = torch.tensor([2.4, 0.6, 0.8])
    norm.running_var = torch.tensor([4.0, 4.0, 4.0])  # 1.2, 0.3, 0.4 deviations, 1.3 together
    assert unexplained(conv, norm) == pytest.approx(0.5 / 1.3 * (3 / 2) ** 0.5)


def test_weights_that_mixed_precision_rounds_are_no_sign():
    torch.manual_seed(0)
    module = Widening()
    precise = module.wide.weight.data.clone()
    module.wide.weight.data = precise.bfloat16().float()
    seen(module)
    module.wide.weight.data = precise
    assert unexplained(module.wide, module.norm) < 1e-5


def test_means_that_were_stored_in_half_precision_say_nothing():
    torch.manual_seed(0)
    module = moved(seen(Widening()), 0.05)
    module.norm.running_mean = module.norm.running_mean.half().float()
    assert unexplained(module.wide, module.norm) is None


def test_a_convolution_that_can_produce_every_mean_says_nothing():
    torch.manual_seed(0)
    module = moved(seen(Widening(width=3)), 0.5)
    assert unexplained(module.wide, module.norm) is None
    assert build_network("narrow", module).warnings == ()


def test_no_hook_is_left_where_the_network_fails():
    module = Widening()
    with pytest.raises(RuntimeError):
        lag_of_means(module, torch.zeros(1, 5, 8, 8))
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in module.modules())


class PreActivation(nn.Module):
    """A shortcut is added in place between the convolution and the next BatchNorm."""

    def __init__(self, in_place):
        super().__init__()
        self.stem = nn.Conv2d(3, 24, 3)
        self.norms = nn.ModuleList(nn.BatchNorm2d(24) for _ in range(3))
        self.narrow = nn.ModuleList(nn.Conv2d(24, 4, 1) for _ in range(3))
        self.widen = nn.ModuleList(nn.Conv2d(4, 24, 1) for _ in range(3))
        self.in_place = in_place

    def forward(self, x):
        x = self.stem(x)
        for norm, narrow, widen in zip(self.norms, self.narrow, self.widen, strict=True):
            y = widen(narrow(norm(x).relu()))
            if self.in_place:
                y += x
            x = y
        return x


@pytest.mark.parametrize("in_place", [True, False])
def test_what_was_added_in_place_after_a_convolution_is_not_held_against_it(in_place):
    torch.manual_seed(0)
    module = PreActivation(in_place)
    with torch.no_grad():
        for _ in range(60):
            module(torch.rand(8, 3, 12, 12))
    lag = lag_of_means(module.eval(), torch.rand(1, 3, 12, 12))
    assert lag is None if in_place else lag < LAG


def test_odd_numbers_beside_the_weights_are_no_signs(tmp_path):
    module, optimiser, average = trained()
    state = dict(average.state_dict())
    state["n_averaged"] = torch.ones(3)
    assert load(state, tmp_path).warnings == ()
    beside = optimiser.state_dict()
    beside["param_groups"][0]["lr"] = torch.ones(2)
    found = {"state_dict": module.state_dict(), "optimizer": beside}
    assert load(found, tmp_path).warnings == ()


def test_weights_too_large_for_short_numbers_are_compared_as_they_are():
    torch.manual_seed(0)
    conv, norm = nn.Conv2d(2, 8, 1), nn.BatchNorm2d(8)
    with torch.no_grad():
        conv.weight.mul_(1e6)
        norm.running_mean.copy_(conv.weight[:, :, 0, 0] @ torch.tensor([1.0, 2.0]) + conv.bias)
        norm.running_var.fill_(1e12)
    assert unexplained(conv, norm) < LAG
