"""Our own definitions of architectures: their sizes as published, and that each is heard."""

import pytest
import torch

from wsi_scale.networks import load_network
from wsi_scale.networks.families.overfeat import OverFeat
from wsi_scale.networks.families.segnet import SegNet
from wsi_scale.networks.families.ternausnet import TernausNet
from wsi_scale.networks.families.tiramisu import Tiramisu, tiramisu_103

PLACE = "wsi_scale.networks.families"


def millions(module):
    return sum(p.numel() for p in module.parameters()) / 1e6


@pytest.mark.parametrize(
    ("module", "published"),
    [
        (OverFeat(), 145),  # OverFeat's own table of its two models
        (SegNet(11), 29.5),  # both from table 3 of the Tiramisu's paper
        (tiramisu_103(11), 9.4),
    ],
    ids=["OverFeat", "SegNet", "Tiramisu"],
)
def test_it_has_as_many_parameters_as_published(module, published):
    assert millions(module) == pytest.approx(published, rel=0.01)


@pytest.mark.parametrize(
    ("spec", "task", "batchnorms"),
    [
        ("segnet:SegNet?classes=3", "segment", 26),
        ("tiramisu:Tiramisu?classes=3", "segment", 49),
        ("ternausnet:TernausNet", "segment", 0),
        ("unet_fpn:UNetFPN", "segment", 18),
        ("yolo:YoloV3Tiny", "detect", 11),
    ],
)
def test_it_is_loaded_and_heard_by_its_spec(spec, task, batchnorms):
    network = load_network(f"{PLACE}.{spec}", device="cpu")
    assert network.task == task
    kinds = [choice.kind for choice in network.layers()]
    assert kinds.count("batchnorm") == batchnorms
    assert len(kinds) > batchnorms


def test_ternausnet_has_the_keys_of_its_public_checkpoints():
    keys = TernausNet().state_dict()
    for key in ("encoder.0.weight", "conv3s.bias", "center.block.0.conv.weight", "dec1.conv.bias"):
        assert key in keys
    assert torch.equal(keys["encoder.18.weight"], keys["conv5.weight"])


def test_tiramisu_has_the_keys_of_its_public_checkpoints():
    keys = Tiramisu().state_dict()
    for key in (
        "firstconv.weight",
        "denseBlocksDown.0.layers.3.norm.running_mean",
        "transDownBlocks.4.conv.weight",
        "bottleneck.bottleneck.layers.0.conv.bias",
        "transUpBlocks.0.convTrans.weight",
        "finalConv.bias",
    ):
        assert key in keys
