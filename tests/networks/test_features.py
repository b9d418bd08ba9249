"""Networks that predict no classes: encoders without a head, and detectors."""

from collections import OrderedDict
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from wsi_scale.errors import NetworkError, SettingsError
from wsi_scale.estimators import find_estimator
from wsi_scale.estimators.contract import Options, Unavailable
from wsi_scale.geometry import ScaleGrid, Site
from wsi_scale.networks import Card, build_network
from wsi_scale.networks.channel_axes import TensorAxes
from wsi_scale.responses import Responses
from wsi_scale.responses.measure import measure_responses
from wsi_scale.slide.pyramid import Pyramid

GRID = ScaleGrid((1.0, 2.0))


def pyramid(side=96):
    patches = np.random.default_rng(0).integers(0, 256, (2, side, side, 3), np.uint8)
    return Pyramid(Site(500, 500), GRID, (0, 1), patches, (False, False))


class Encoder(nn.Module):
    """Tokens of 16 × 16 px behind ``leading`` tokens of value 1000, then a LayerNorm, if any."""

    def __init__(self, leading=0, norm=True, pool=False, classes=0):
        super().__init__()
        self.embed = nn.Conv2d(3, 5, 16, 16)
        self.blocks = nn.ModuleList(Block() for _ in range(4))
        self.norm = nn.LayerNorm(5) if norm else nn.Identity()
        self.head = nn.Linear(5, classes) if classes else nn.Identity()
        self.leading, self.pool = leading, pool

    def forward(self, x):
        x = self.embed(x).flatten(2).mT
        x = torch.cat([torch.full((len(x), self.leading, 5), 1000.0), x], 1)
        for block in self.blocks:
            x = block(x)
        x = self.norm(x)
        return self.head(x.mean(1)) if self.pool else x


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.mix = nn.Identity()

    def forward(self, x):
        return self.mix(x)


@pytest.mark.parametrize("leading", [0, 1, 5])
def test_class_and_register_tokens_are_no_part_of_the_patch(leading):
    network = build_network("encoder", Encoder(leading, norm=False))
    assert (network.task, network.classes, network.head) == ("features", (), None)
    found = measure_responses(network, [pyramid()])
    assert [x.name for x in found.layers] == ["blocks.1", "blocks.2", "blocks.3", "output"]
    tokens = network.module.embed(network.prepare(pyramid().patches)).flatten(2).mT
    expected = tokens.detach().mean(1).numpy()
    for layer in found.layers:
        assert np.allclose(layer.mean, expected, atol=1e-4)
        assert layer.mean.shape == (2, 5)


def test_an_encoder_without_a_head_gives_features_and_one_with_a_head_classes():
    assert build_network("a", Encoder(norm=True, pool=True)).task == "features"
    headed = build_network("b", Encoder(norm=True, pool=True, classes=3))
    assert (headed.task, len(headed.classes), headed.head) == ("classify", 3, "head")


def test_a_card_that_names_classes_is_believed():
    card = Card(classes=tuple("abcde"))
    assert build_network("a", Encoder(norm=True, pool=True), card).task == "classify"


def test_tokens_are_never_taken_for_logits():
    with pytest.raises(NetworkError, match=r"returned shape \(2, 36, 5\), which holds tokens"):
        build_network("a", Encoder(), Card(task="classify"))


def test_an_auxiliary_norm_that_the_answer_does_not_need_makes_no_features():
    class Aux(nn.Module):
        def __init__(self):
            super().__init__()
            self.main, self.side = nn.Conv2d(3, 2, 1), nn.BatchNorm2d(2)

        def forward(self, x):
            out = self.main(x)
            return {"out": out, "aux": self.side(out)}

    assert build_network("aux", Aux()).task == "segment"


class ChannelsLast(nn.Module):
    """Maps (N, H, W, 6) whose side is 6 as well; a LayerNorm over the channels."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Conv2d(3, 6, 16, 16)
        self.norm = nn.LayerNorm(6, elementwise_affine=False)

    def forward(self, x):
        return self.norm(self.embed(x).permute(0, 2, 3, 1))


def test_channels_that_come_last_are_known_by_the_module_where_the_shape_cannot_tell():
    network = build_network("last", ChannelsLast(), Card(input_size=96))
    (layer,) = network.layers(["norm"])
    assert layer.axes == TensorAxes(channels=3)
    found = measure_responses(network, [pyramid()], layers=["norm"]).layer("norm")
    assert np.allclose(found.mean.sum(1), 0, atol=1e-5)  # LayerNorm centres every place
    wanted = network.logits(network.prepare(pyramid().patches)).mean((1, 2))
    assert np.allclose(found.mean, wanted.numpy(), atol=1e-5)


def test_features_have_no_confidence_no_target_and_are_saved_and_read_back(tmp_path):
    network = build_network("encoder", Encoder(1))
    found = measure_responses(network, [pyramid()])
    assert found.share.shape == (2, 0)
    with pytest.raises(Unavailable, match="not a prediction"):
        find_estimator("confidence").prepare(found, Options())
    with pytest.raises(Unavailable, match="no gradient"):
        find_estimator("extrema").prepare(found, Options())
    with pytest.raises(SettingsError, match=r"predicts no classes \(task = 'features'\)"):
        measure_responses(network, [pyramid()], target="0")
    found.save(tmp_path / "found.npz")
    assert Responses.load(tmp_path / "found.npz").task == "features"


class Detector(nn.Module):
    """As torchvision's: a backbone that gives a pyramid, and boxes that nobody can pool."""

    def __init__(self, fixed=None):
        super().__init__()
        self.transform = SimpleNamespace(
            image_mean=[0.5, 0.4, 0.3], image_std=[0.2, 0.2, 0.2], fixed_size=fixed
        )
        self.backbone = Pyramids()
        self.roi_heads = nn.Linear(4, 4)

    def forward(self, x):
        return [{"boxes": torch.zeros(0, 4)}]


class Pyramids(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 4, 3, 2, 1), Frozen(4), nn.ReLU())
        self.fpn = nn.Conv2d(4, 4, 1)

    def forward(self, x):
        x = self.fpn(self.body(x))
        return OrderedDict({"0": x, "pool": x[..., ::2, ::2]})


class Frozen(nn.Module):
    """A BatchNorm whose statistics never change, as torchvision's detectors use."""

    def __init__(self, channels):
        super().__init__()
        self.register_buffer("running_mean", torch.arange(float(channels)))
        self.register_buffer("running_var", torch.ones(channels))

    def forward(self, x):
        return x - self.running_mean.view(1, -1, 1, 1)


def test_a_detector_is_heard_through_its_backbone_and_pyramid():
    network = build_network("rcnn", Detector())
    assert (network.task, network.classes) == ("detect", ())
    assert network.card.mean == (0.5, 0.4, 0.3)
    found = measure_responses(network, [pyramid()])
    assert (found.layers[0].name, found.layers[0].kind) == ("backbone.body.1", "batchnorm")
    assert found.layers[-1].name == "output"
    assert found.layers[0].running_mean.tolist() == [0, 1, 2, 3]
    assert found.batchnorm_batches is None


def test_a_detector_of_one_size_is_shown_patches_of_that_size():
    assert build_network("ssd", Detector(fixed=(300, 300))).input_size == 300


class Yolo(nn.Module):
    def __init__(self, boxes_last, each):
        super().__init__()
        self.conv = nn.Conv2d(3, 7 * each, 8, 8)
        self.boxes_last, self.each = boxes_last, each

    def forward(self, x):
        x = self.conv(x)
        maps = [nn.functional.avg_pool2d(x, k) for k in (1, 2, 4)]
        rows = torch.cat(
            [m.unflatten(1, (self.each, 7)).movedim(2, -1).flatten(1, 3) for m in maps], 1
        )
        return rows.mT if self.boxes_last else rows


@pytest.mark.parametrize(("boxes_last", "each"), [(True, 1), (False, 3)])
def test_a_yolo_is_a_detector_whose_channels_are_not_its_boxes(boxes_last, each):
    module = torch.jit.trace(Yolo(boxes_last, each).eval(), torch.zeros(2, 3, 160, 160))
    network = build_network("yolo", module, Card(input_size=160))
    assert network.task == "detect"
    (layer,) = measure_responses(network, [pyramid(160)]).layers
    assert (layer.name, layer.mean.shape) == ("output", (2, 7))
