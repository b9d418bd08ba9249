import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from wsi_scale.errors import NetworkError
from wsi_scale.networks import Card, build_network
from wsi_scale.networks.answer import predict
from wsi_scale.testing.networks import analytic_network

sys.path.insert(0, str(Path(__file__).parent))
from toy_networks import Blocks, Picky, TwoHeads, shaped


def patches(count=2, side=96, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, side, side, 3), np.uint8)


def network(module, **card):
    return build_network("toy", module, Card(**card))


def test_unit_scaling_then_mean_then_std():
    net = network(shaped(), mean=(0.5, 0.25, 0), std=(0.5, 1, 2))
    x = net.prepare(np.full((1, 4, 4, 3), 255, np.uint8))
    assert x.shape == (1, 3, 4, 4)
    assert x[0, :, 0, 0].tolist() == [1, 0.75, 0.5]


def test_byte_scaling_leaves_the_values():
    x = network(shaped(), scaling="byte").prepare(np.full((1, 4, 4, 3), 200, np.uint8))
    assert x.unique().tolist() == [200]


def test_grey_is_the_luminance():
    colour = np.zeros((1, 2, 2, 3), np.uint8)
    colour[...] = (100, 200, 50)
    x = network(shaped(channels=1)).prepare(colour)
    assert x.shape == (1, 1, 2, 2)
    assert x[0, 0, 0, 0].item() == pytest.approx((29.9 + 117.4 + 5.7) / 255)


def test_standardising_is_done_patch_by_patch_and_survives_a_constant():
    net = network(shaped(), scaling="standardise")
    mixed = patches()
    mixed[1] //= 4
    x = net.prepare(mixed)
    assert torch.allclose(x.mean((2, 3)), torch.zeros(2, 3), atol=1e-5)
    assert torch.allclose(x.std((2, 3), correction=0), torch.ones(2, 3), atol=1e-4)
    assert net.prepare(np.full((1, 8, 8, 3), 7, np.uint8)).abs().max() == 0


def test_a_one_channel_network_is_fed_grey_without_being_told():
    assert network(shaped(channels=1)).channels == 1


def test_probabilities_are_turned_back_into_logits():
    raw = shaped()
    net = network(raw)
    soft = network(nn.Sequential(raw, nn.Softmax(1)), output="probabilities")
    x = net.prepare(patches())
    wanted = net.logits(x).log_softmax(1)
    assert torch.allclose(soft.logits(x), wanted, atol=1e-4)
    sigmoid = network(
        nn.Sequential(raw, nn.Sigmoid()), output="probabilities", activation="sigmoid"
    )
    assert torch.allclose(sigmoid.logits(x), net.logits(x), atol=1e-4)


@pytest.mark.parametrize(
    ("module", "input_size", "stride", "limit", "side"),
    [
        (Picky(32), None, 32, 223.9, 192),
        (Picky(32), None, 32, 5000, 224),
        (Picky(32), None, 32, 96, 96),
        (Picky(64), None, 64, 5000, 192),
        (Picky(64), None, 64, 130, 128),
        (Picky(299, exact=True), 299, 1, 300, 299),
        (Picky(1), None, 32, 5000, 224),
    ],
)
def test_the_patch_side_is_found_out(module, input_size, stride, limit, side):
    net = network(module)
    assert (net.input_size, net.stride) == (input_size, stride)
    assert net.choose_input_size(limit) == side


def test_a_card_that_says_the_side_or_the_stride_is_believed():
    assert network(Picky(14), stride=14).choose_input_size(1000) == 224
    assert network(Picky(14), input_size=70).choose_input_size(1000) == 70
    with pytest.raises(NetworkError, match="side 100 does not fit 14"):
        network(Picky(14), input_size=100)


@pytest.mark.parametrize("key", ["input_size", "stride"])
def test_a_side_that_no_network_takes_is_refused_before_a_patch_is_made(key):
    with pytest.raises(NetworkError, match=f"{key} = 1099511627776 px, but patches are at most"):
        network(Picky(14), **{key: 2**40})


def test_a_network_that_takes_no_side_we_know_is_refused():
    with pytest.raises(
        NetworkError, match="patches of 224 px: ValueError: side 224 does not fit 97"
    ):
        network(Picky(97, exact=True))


@pytest.mark.parametrize("limit", [95.9, 0, -3])
def test_nothing_fits_where_there_is_no_room(limit):
    with pytest.raises(NetworkError, match="needs patches of 96 px but at most"):
        network(Picky(32)).choose_input_size(limit)


def test_the_background_is_the_class_of_that_name_or_the_first_under_a_softmax():
    module = shaped()
    assert network(module).background == 0
    assert network(module, classes=("nucleus", "Background")).background == 1
    assert network(module, background=1).background == 1
    assert network(module, background=-1).background is None
    assert network(module, activation="sigmoid").background is None
    assert network(shaped("pooled")).background is None


def test_layers_of_a_convolutional_network_are_its_batchnorms_the_middle_and_the_head():
    kinds = {choice.name: choice.kind for choice in network(TwoHeads()).layers()}
    assert kinds == {"norm": "batchnorm", "aux": "middle", "main": "middle"}


def test_the_head_is_the_last_module_that_the_answer_depends_on():
    assert network(TwoHeads()).head == "main"
    assert network(Blocks()).head == "head"


def test_blocks_of_tokens_are_listened_to_where_there_is_no_batchnorm():
    choices = network(Blocks()).layers()
    assert [c.name for c in choices] == ["blocks.1", "blocks.2", "blocks.3", "head"]
    assert [c.kind for c in choices] == ["middle", "middle", "middle", "pooled"]


def test_layers_are_chosen_by_name_and_pattern_in_the_order_of_the_image():
    net = network(Blocks())
    assert [c.name for c in net.layers(["head", "embed"])] == ["embed", "head"]
    assert [c.name for c in net.layers(["blocks.?"])] == [f"blocks.{i}" for i in range(4)]
    carded = network(Blocks(), layers=("blocks.0",))
    assert [c.name for c in carded.layers()] == ["blocks.0"]


def test_a_batchnorm_chosen_by_name_is_still_heard_at_its_input():
    (choice,) = network(TwoHeads()).layers(["norm"])
    assert (choice.kind, choice.tap) == ("batchnorm", "input")


def test_an_unknown_layer_is_refused_with_the_layers_there_are():
    with pytest.raises(NetworkError, match="toy has no layer 'bolck'; choose from embed, blocks"):
        network(Blocks()).layers(["bolck"])


def test_a_network_without_anything_to_hear_offers_its_output():
    class Bare(nn.Module):
        def forward(self, x):
            return x.mean((2, 3))

    net = network(Bare())
    assert [c.kind for c in net.layers()] == ["output"]
    with pytest.raises(
        NetworkError,
        match="has no layers that can be measured, because it is TorchScript or exported",
    ):
        net.layers(["conv"])


def test_the_analytic_network_answers_nothing_to_a_constant():
    net = analytic_network(3.0)
    flat = np.full((1, net.input_size, net.input_size, 3), 77, np.uint8)
    assert net.logits(net.prepare(flat)).abs().max() < 1e-6


def test_predictions_by_hand():
    logits = torch.tensor([[0.0, np.log(3.0)]])
    soft = predict(logits, "softmax")
    assert soft.share.tolist() == [[pytest.approx(0.25), pytest.approx(0.75)]]
    assert soft.entropy.item() == pytest.approx(-0.25 * np.log(0.25) - 0.75 * np.log(0.75))
    single = predict(torch.zeros(1, 1, 2, 2), "sigmoid")
    assert single.entropy.item() == pytest.approx(np.log(2))
    assert single.share.tolist() == [[0.0]]
    assert predict(logits, "none").entropy.isnan().all()


def test_patches_are_sent_as_they_lie_and_stay_untouched():
    """A pyramid's patches lie in planes; other layouts and read-only arrays are copied first."""
    net = network(shaped())
    planes = np.arange(2 * 3 * 4 * 4, dtype=np.uint8).reshape(2, 3, 4, 4)
    fixed = np.ascontiguousarray(planes.transpose(0, 2, 3, 1))
    fixed.flags.writeable = False
    for patches in (planes.transpose(0, 2, 3, 1), fixed, fixed[:, :, ::-1][:, :, ::-1]):
        found = net.colours(patches)
        assert found.dtype == torch.float32
        assert np.array_equal(found.numpy(), planes)
        found += 1
        assert np.array_equal(planes.ravel(), np.arange(96))
