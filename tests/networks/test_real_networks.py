"""Real trained networks, and the architectures of timm, smp and torchvision."""

from pathlib import Path

import numpy as np
import pytest
import torch

from wsi_scale.errors import NetworkError
from wsi_scale.geometry import ScaleGrid, Site
from wsi_scale.networks import load_network
from wsi_scale.responses.measure import measure_responses
from wsi_scale.slide.pyramid import Pyramid

CARD = Path(__file__).parent / "cards" / "unet2d_nuclei_broad.toml"
GRID = ScaleGrid((1.0, 2.0))


@pytest.fixture
def broad(real_data, tmp_path):
    """Folder of the BioImage.IO U-Net, and the network its card describes."""
    folder = real_data / "networks" / "unet2d_nuclei_broad"
    text = CARD.read_text().replace('"weights.pt"', f'"{(folder / "weights.pt").as_posix()}"')
    (tmp_path / "card.toml").write_text(text)
    return folder, load_network(str(tmp_path / "card.toml"), device="cpu")


@pytest.fixture
def nuclei(real_data, monkeypatch):
    """The U-Net for nuclei in H&E, from its factory and its weights."""
    folder = real_data / "networks" / "unet_he_05"
    monkeypatch.syspath_prepend(str(folder))
    return load_network(
        f"unet:build?weights={folder / 'weights.safetensors'}&mpp=0.5", device="cpu"
    )


def library(spec):
    try:
        return load_network(spec, device="cpu")
    except NetworkError as error:
        if "wsi-scale[networks]" in str(error):
            pytest.skip(str(error))
        raise


def pyramid(side):
    patches = np.random.default_rng(0).integers(0, 256, (2, side, side, 3), np.uint8)
    return Pyramid(Site(500, 500), GRID, (0, 1), patches, (False, False))


@pytest.mark.real
def test_the_bioimage_unet_answers_its_own_test_output(broad):
    folder, network = broad
    given = torch.from_numpy(np.load(folder / "test_input.npy"))
    wanted = np.load(folder / "test_output.npy")
    with torch.no_grad():
        found = torch.sigmoid(network.logits(network.normalise(given))).numpy()
    assert np.allclose(found, wanted, atol=1e-4)


@pytest.mark.real
def test_the_bioimage_unet_is_a_grey_segmenter_with_only_an_output(broad):
    _, network = broad
    assert (network.channels, network.task, network.classes) == (1, "segment", ("nucleus",))
    assert network.choose_input_size(215) == 208
    found = measure_responses(network, [pyramid(96)])
    assert [layer.kind for layer in found.layers] == ["output"]
    assert found.layers[0].gradient is None
    assert found.batchnorm_batches is None


@pytest.mark.real
def test_the_nuclei_unet_is_heard_at_its_fourteen_batchnorms(nuclei):
    assert (nuclei.task, nuclei.head, nuclei.batchnorm_batches) == ("segment", "o", 900)
    assert nuclei.card.training_mpp == 0.5
    found = measure_responses(nuclei, [pyramid(96)])
    assert len(found.of_kind("batchnorm")) == 14
    head = found.layer("o")
    assert np.allclose(
        head.gradient, nuclei.module.o.weight.detach().numpy().reshape(1, -1), atol=1e-5
    )


@pytest.mark.parametrize(
    ("spec", "task", "input_size", "head"),
    [
        ("timm:resnet18?num_classes=4", "classify", None, "fc"),
        ("timm:vit_tiny_patch16_224?num_classes=4", "classify", 224, "head"),
        ("timm:resnet10t?in_chans=1&num_classes=4", "classify", None, "fc"),
        ("smp:Unet?encoder_name=resnet18&classes=4", "segment", None, "segmentation_head.0"),
        (
            "torchvision:deeplabv3_resnet50?aux_loss=true&num_classes=4",
            "segment",
            None,
            "classifier.4",
        ),
    ],
)
def test_networks_of_the_libraries_are_measured(spec, task, input_size, head):
    network = library(spec)
    assert (network.task, network.input_size, network.head) == (task, input_size, head)
    found = measure_responses(
        network, [pyramid(network.choose_input_size(100 if not input_size else 300))]
    )
    gradient = found.layer(head).gradient
    assert gradient is not None
    assert np.abs(gradient).max() > 0
    assert found.share.shape == (2, 4)


def test_tokens_of_a_transformer_are_its_pixels():
    network = library("timm:vit_tiny_patch16_224")
    assert not [c for c in network.layers() if c.kind == "batchnorm"]
    found = measure_responses(network, [pyramid(224)])
    assert found.layer("blocks.6").mean.shape == (2, 192)
    assert found.layer("blocks.6").var.min() > 0


def test_numbered_blocks_are_found_by_any_naming():
    names = [choice.name for choice in library("torchvision:vit_b_16").layers()]
    assert names == [*(f"encoder.layers.encoder_layer_{i}" for i in (3, 6, 9)), "heads.head"]


def test_timm_gives_the_mean_and_std_of_its_own_configuration():
    network = library("timm:resnet18?mean=0.5")
    assert network.card.mean == (0.5,)
    assert network.card.std == pytest.approx((0.229, 0.224, 0.225))


@pytest.mark.parametrize(
    ("spec", "channels"),
    [
        ("timm:vit_tiny_patch16_224?num_classes=0", 192),
        ("timm:resnet10t?num_classes=0", 512),
        ("timm:convnext_atto?features_only=true", 320),
    ],
)
def test_an_encoder_without_a_head_gives_features_not_classes(spec, channels):
    network = library(spec)
    assert (network.task, network.classes) == ("features", ())
    found = measure_responses(network, [pyramid(network.choose_input_size(224))])
    assert found.layer("output").mean.shape == (2, channels)


def test_a_swin_is_heard_in_several_of_its_stages():
    network = library("timm:swin_tiny_patch4_window7_224?embed_dim=24")
    names = [choice.name for choice in network.layers()]
    assert names == ["layers.1.blocks.1", "layers.2.blocks.2", "layers.2.blocks.5", "head.fc"]
    found = measure_responses(network, [pyramid(224)])
    assert [layer.mean.shape[1] for layer in found.layers] == [48, 96, 96, 192]


def test_the_encoder_of_a_segformer_is_heard_though_only_its_decoder_has_a_batchnorm():
    network = library("smp:Segformer?encoder_name=mit_b0")
    names = [choice.name for choice in network.layers()]
    stages = [name.split(".")[1] for name in names if name.startswith("encoder.")]
    assert stages == ["block1", "block2", "block3"]


def test_a_detector_of_torchvision_is_heard_at_every_batchnorm_of_its_backbone():
    network = library("torchvision:fasterrcnn_mobilenet_v3_large_fpn")
    assert network.task == "detect"
    heard = [choice.name for choice in network.layers() if choice.kind == "batchnorm"]
    assert len(heard) == 46
    assert heard[0] == "backbone.body.0.1"
