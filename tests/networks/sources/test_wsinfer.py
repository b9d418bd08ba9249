"""A folder of the WSInfer zoo says at which µm/px, and how, its network is shown patches."""

import json
import shutil
from pathlib import Path

import pytest

from wsi_scale import cli
from wsi_scale.errors import NetworkError
from wsi_scale.networks import load_network

FOLDER = Path(__file__).parents[2] / "cases" / "wsinfer"


@pytest.fixture
def folder(tmp_path):
    """A copy that a test may change."""
    return Path(shutil.copytree(FOLDER, tmp_path / "zoo"))


def change(folder, **keys):
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **keys}))


@pytest.mark.parametrize("name", ["", "config.json"])
def test_the_folder_or_its_json_becomes_a_card(name):
    network = load_network(str(FOLDER / name), device="cpu")
    card = network.card
    assert (network.input_size, network.task) == (224, "classify")
    assert card.training_mpp == pytest.approx(0.25 * 350 / 224)  # resized: the network sees more
    assert (card.scaling, card.mean) == ("unit", (0.7238, 0.5716, 0.6779))
    assert card.std == pytest.approx((0.112, 0.1459, 0.1089))
    assert network.classes == ("tumor",)  # one output for two names
    assert any("350 px at 0.25 µm/px are resized to 224 px" in words for words in network.read_as)
    assert "one output, taken as tumor or not" in network.notes[0]


def test_the_query_overrides_what_the_json_says():
    network = load_network(f"{FOLDER}?mpp=0.5&mean=0.5&input_size=128", device="cpu")
    assert (network.card.training_mpp, network.card.mean) == (0.5, (0.5,))
    assert network.input_size == 128


def test_the_licence_is_that_of_the_model_card(folder):
    (folder / "README.md").write_text("---\nlicense: bsd-3-clause\ntags: [x]\n---\n# A model\n")
    assert load_network(str(folder), device="cpu").card.license == "bsd-3-clause"


def test_networks_shows_how_the_folder_was_read(capsys):
    assert cli.run(["networks", str(FOLDER)]) == 0
    shown = capsys.readouterr().out
    for words in (
        "0.390625 µm/px",
        "224 px",
        "− 0.7238",
        "config.json as a JSON of the WSInfer zoo",
    ):
        assert words in shown


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"transform": [{"name": "CenterCrop"}]}, "'CenterCrop' of transform is not understood"),
        ({"transform": [{"name": "Resize", "arguments": {"size": [2, 3]}}]}, "not square"),
        ({"transform": [{"name": "Normalize", "arguments": {"mean": 1, "std": 0}}]}, "above 0"),
        (
            {"transform": [{"name": "Normalize", "arguments": {"mean": [1, 2, 3], "std": [1, 2]}}]},
            "one number or one per colour",
        ),
        ({"transform": "ToTensor"}, "not a list of entries"),
        ({"patch_size_pixels": "350"}, "patch_size_pixels = '350' is not a number"),
        ({"patch_size_pixels": 2**40, "transform": []}, "at most 4096 px wide"),
        ({"spacing_um_px": 0}, "spacing_um_px = 0 must be above 0"),
        ({"spacing_um_px": float("nan")}, "not a finite number"),
        ({"num_classes": 3}, "num_classes = 3 but class_names has 2"),
    ],
)
def test_a_json_that_cannot_be_followed_is_one_sentence(folder, keys, says):
    change(folder, **keys)
    with pytest.raises(NetworkError, match=says):
        load_network(str(folder), device="cpu")


def test_a_folder_without_its_weights_says_so(folder):
    (folder / "torchscript_model.pt").unlink()
    with pytest.raises(NetworkError, match=r"torchscript_model\.pt, which is not in"):
        load_network(str(folder), device="cpu")
