"""Folders of the hub load without the network, with the library's architecture and no code."""

import json
import pickle
import time

import pytest
import torch
from safetensors.torch import save_file

from wsi_scale.errors import NetworkError
from wsi_scale.networks import find_source, load_network
from wsi_scale.networks.described import hub_cache
from wsi_scale.networks.sources import hub, huggingface
from wsi_scale.networks.sources.assemble import prepare_torchvision
from wsi_scale.networks.spec import parse_spec

PREPARED = {"image_mean": [0.7, 0.6, 0.7], "image_std": [0.2] * 3, "rescale_factor": 1 / 255}


@pytest.fixture
def folder(tmp_path):
    """A classifier of timm."""
    huggingface.example(tmp_path)
    if not (tmp_path / "model.safetensors").stat().st_size:
        pytest.skip("timm is not installed")
    return tmp_path


def refusal(spec):
    with pytest.raises(NetworkError) as caught:
        load_network(spec, device="cpu")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def shard(folder):
    """The same weights in two files with an index."""
    from safetensors.torch import load_file

    state = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    names = [f"model-0000{i}-of-00002.safetensors" for i in (1, 2)]
    where = {key: names[i % 2] for i, key in enumerate(state)}
    for name in names:
        save_file({k: v for k, v in state.items() if where[k] == name}, folder / name)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": where}))


def test_timms_config_becomes_the_card_and_the_network(folder):
    (folder / "README.md").write_text("---\nlicense: cc-by-nc-4.0\n---\n")
    network = load_network(str(folder), device="cpu")
    assert (network.task, len(network.classes)) == ("classify", 3)
    assert (network.card.mean, network.card.license) == ((0.5,) * 3, "cc-by-nc-4.0")


def test_sharded_weights_are_the_same_network(folder):
    x = torch.rand(1, 3, 96, 96)
    wanted = load_network(str(folder), device="cpu").logits(x)
    shard(folder)
    assert torch.equal(load_network(str(folder), device="cpu").logits(x), wanted)


def test_a_checkpoint_that_would_run_code_is_refused(folder, tmp_path):
    class Bomb:
        def __reduce__(self):
            return (open, (str(tmp_path / "crater"), "w"))

    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Bomb()))
    refusal(str(folder))
    assert not (tmp_path / "crater").exists()


def test_a_config_cannot_send_timm_to_the_hub(folder):
    path = folder / "config.json"
    path.write_text(json.dumps({"architecture": "hf-hub:evil/net"}))
    assert "timm has no model 'hf-hub:evil/net'" in refusal(str(folder))
    own = {"architecture": "resnet10t", "model_args": {"checkpoint_path": "../x.pth"}}
    path.write_text(json.dumps(own))
    assert "model_args name checkpoint_path" in refusal(str(folder))


def test_a_folder_without_weights_says_which_it_needs(folder):
    (folder / "model.safetensors").unlink()
    assert "none of model.safetensors" in refusal(str(folder))


def transformer(tmp_path, name, **options):
    """A small model of transformers, saved as its library saves it."""
    prepare_torchvision(parse_spec(name))  # transformers imports it
    transformers = pytest.importorskip("transformers")
    made = getattr(transformers, name)
    module = made(made.config_class(**options)).eval()
    module.save_pretrained(tmp_path)
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(PREPARED))
    return module


VIT = {"hidden_size": 32, "num_hidden_layers": 4, "num_attention_heads": 2, "image_size": 64}


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
@pytest.mark.parametrize(
    ("name", "options", "side"),
    [
        ("ViTForImageClassification", VIT | {"id2label": {0: "a", 1: "b", 2: "c"}}, 64),
        ("SegformerForSemanticSegmentation", {"num_labels": 4}, 96),
        (
            "ConvNextForImageClassification",
            {"hidden_sizes": [8, 16, 16, 16], "depths": [1, 1, 1, 1]},
            96,
        ),
    ],
    ids=["vit", "segformer", "convnext"],
)
def test_a_model_of_transformers_answers_as_its_library(tmp_path, name, options, side):
    module = transformer(tmp_path, name, **options)
    network = load_network(str(tmp_path), device="cpu")
    x = torch.rand(2, 3, side, side)
    with torch.no_grad():
        assert torch.allclose(network.logits(x), module(x).logits, atol=1e-5)
    assert network.card.mean == (0.7, 0.6, 0.7)
    if "id2label" in options:
        assert (network.classes, network.input_size) == (("a", "b", "c"), 64)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_code_in_the_folder_is_not_run(tmp_path):
    transformer(tmp_path, "ViTForImageClassification", **VIT)
    path = tmp_path / "config.json"
    (tmp_path / "net.py").write_text("raise SystemExit('run')")
    own = {"architectures": ["MyNet"], "auto_map": {"AutoModel": "net.MyNet"}}
    path.write_text(json.dumps(json.loads(path.read_text()) | own))
    assert "its code lies in its folder and is not run" in refusal(str(tmp_path))


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_missing_weights_are_not_made_up(tmp_path):
    from safetensors.torch import load_file

    transformer(tmp_path, "ViTForImageClassification", **VIT)
    state = load_file(tmp_path / "model.safetensors")
    state.pop("classifier.weight")
    save_file(state, tmp_path / "model.safetensors", {"format": "pt"})
    assert "has no 'classifier.weight', which the network needs" in refusal(str(tmp_path))


def test_a_snapshot_in_the_cache_needs_no_network(tmp_path, monkeypatch):
    monkeypatch.setattr(hub_cache.socket, "create_connection", None)
    spec = hub.example(tmp_path)
    if not next(iter(tmp_path.rglob("model.safetensors"))).stat().st_size:
        pytest.skip("timm is not installed")
    network = load_network(spec, device="cpu")
    assert (network.name, network.spec) == ("tests/tiny", spec)
    assert find_source("timm:hf-hub:tests/tiny").NAME == "hub"


@pytest.mark.parametrize(
    ("query", "says"),
    [("", "allow the download with pretrained=true"), ("&pretrained=true", "does not answer")],
)
@pytest.mark.parametrize("form", ["hf-hub:", "timm:hf-hub:"])
def test_a_name_that_is_not_cached_is_refused_at_once(tmp_path, monkeypatch, form, query, says):
    pytest.importorskip("huggingface_hub")

    def hang(*_):
        time.sleep(5)
        raise TimeoutError

    monkeypatch.setattr(hub_cache.socket, "create_connection", hang)
    load_network("figures", device="cpu")  # torch is imported
    refusal(f"{form}me/first?cache_dir={tmp_path}")  # and the hub's library
    started = time.monotonic()
    told = refusal(f"{form}MahmoodLab/uni?cache_dir={tmp_path}{query}")
    assert time.monotonic() - started < 3
    assert f"MahmoodLab/uni is not in the local cache {tmp_path}" in told
    assert says in told


def test_a_folder_of_something_else_says_what_is_looked_for(tmp_path):
    (tmp_path / "notes.txt").touch()
    assert "no card.toml, rdf.yaml (BioImage.IO)" in refusal(str(tmp_path))


def test_a_folder_of_parts_alone_says_how_to_name_the_network(folder):
    shard(folder)
    (folder / "config.json").unlink()
    assert "factory?weights=" in refusal(str(folder))


def test_a_card_may_describe_a_folder_beside_it_further(folder, tmp_path):
    beside = tmp_path / "mine"
    beside.mkdir()
    (beside / "net").mkdir()
    for name in ("config.json", "model.safetensors"):
        (folder / name).rename(beside / "net" / name)
    (beside / "card.toml").write_text('source = "net"\ntraining_mpp = 0.5\nmean = 0.1\n')
    card = load_network(str(beside), device="cpu").card
    assert (card.training_mpp, card.mean) == (0.5, (0.1,))
    assert card.std == pytest.approx((0.229, 0.224, 0.225))
