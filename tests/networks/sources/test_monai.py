"""A MONAI bundle is fed as its transforms say, and none of its expressions is evaluated."""

import json
import zipfile

import pytest
import torch

from wsi_scale.errors import NetworkError
from wsi_scale.networks import load_network
from wsi_scale.networks.sources import monai
from wsi_scale.networks.sources.assemble import prepare_torchvision
from wsi_scale.networks.spec import parse_spec

SCALE = {"_target_": "ScaleIntensityRanged", "keys": "image", "a_min": 0.0, "a_max": 255.0}
SCALE |= {"b_min": -1.0, "b_max": 1.0}


@pytest.fixture
def bundle(tmp_path):
    monai.example(tmp_path)
    return tmp_path


def infer(bundle, *transforms, **keys):
    """Write an inference config with these transforms and further keys."""
    said = {"output_dir": "$os.path.join(@bundle_root, 'eval')"}
    said |= {"preprocessing": {"_target_": "Compose", "transforms": list(transforms)}, **keys}
    (bundle / "configs" / "inference.json").write_text(json.dumps(said))
    return str(bundle)


def refusal(spec):
    with pytest.raises(NetworkError) as caught:
        load_network(spec, device="cpu")
    return str(caught.value)


def test_the_metadata_becomes_the_card(bundle):
    network = load_network(str(bundle), device="cpu")
    assert (network.name, network.task, network.stride) == ("example", "segment", 32)
    assert (network.classes, network.channels) == (("background", "nucleus"), 3)
    assert network.card.scaling == "unit"


def test_the_transforms_of_its_inference_are_followed(bundle):
    cast = {"_target_": "CastToTyped", "keys": "image", "dtype": "float32"}
    after = {"_target_": "Activationsd", "keys": "pred", "sigmoid": True}
    dataset = {"_target_": "MaskedPatchWSIDataset", "mpp": [0.5, 0.5]}
    spec = infer(bundle, cast, SCALE, postprocessing={"transforms": [after]}, dataset=dataset)
    network = load_network(spec, device="cpu")
    assert (network.card.mean, network.card.std, network.activation) == ((0.5,), (0.5,), "sigmoid")
    assert network.card.training_mpp == 0.5


def test_a_zip_is_the_same_network(bundle, tmp_path):
    path = tmp_path / "bundle.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("configs/metadata.json", "models/model.ts"):
            archive.write(bundle / name, f"my_bundle/{name}")
    assert load_network(str(path), device="cpu").classes == ("background", "nucleus")


def test_transforms_that_are_not_understood_are_named(bundle):
    spec = infer(bundle, {"_target_": "Resized", "spatial_size": [8, 8]})
    assert "the transform Resized is not understood" in refusal(spec)
    assert "which is code and is not run" in refusal(infer(bundle, SCALE | {"b_min": "$-1"}))


def as_state(bundle, network_def, module):
    (bundle / "models" / "model.ts").unlink()
    torch.save(module.state_dict(), bundle / "models" / "model.pt")
    return infer(bundle, SCALE, network_def=network_def, width=8)


@pytest.mark.parametrize(
    ("network_def", "says"),
    [
        ({"_target_": "UNet", "out_channels": "$2"}, "the expression '$2', which is code"),
        ({"_target_": "os.system", "command": "ls"}, "its architecture is os:system; only those"),
        ({"_target_": "monai.bundle.run"}, "its architecture is monai.bundle:run; only those"),
        ({"_target_": "UNet", "channels": "@missing"}, "@missing is not in the config"),
        ("$import os", "the expression '$import os', which is code"),
        (None, "defines no network"),
    ],
)
def test_a_network_that_is_not_plain_is_refused(bundle, network_def, says):
    assert says in refusal(as_state(bundle, network_def, torch.nn.Conv2d(3, 2, 1)))


def test_a_plain_network_of_monai_gets_its_weights(bundle):
    prepare_torchvision(parse_spec("monai"))  # monai imports it
    pytest.importorskip("monai")
    from monai.networks.nets import BasicUNet

    said = {"_target_": "BasicUNet", "spatial_dims": 2, "in_channels": 3, "out_channels": 2}
    torch.manual_seed(3)
    module = BasicUNet(spatial_dims=2, in_channels=3, out_channels=2, features=[8] * 6).eval()
    spec = as_state(bundle, said | {"features": ["@width"] * 6}, module)
    network = load_network(spec, device="cpu")
    x = torch.rand(1, 3, 96, 96)
    torch.testing.assert_close(network.logits(x), module(x))
