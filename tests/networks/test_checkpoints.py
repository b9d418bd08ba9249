"""Checkpoints that people have: how frameworks nest them, what they add, and how they break."""

import shutil
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from wsi_scale.errors import NetworkError
from wsi_scale.networks import load_network
from wsi_scale.networks.architectures import FiguresNet
from wsi_scale.networks.checkpoint import read_tree
from wsi_scale.networks.identity import files_of_spec
from wsi_scale.networks.weights import load_weights
from wsi_scale.render.describe import network_rows

CASES = Path(__file__).parents[1] / "cases"
FIGURES = "wsi_scale.networks.architectures:FiguresNet?classes=2"


@pytest.fixture
def in_cases(monkeypatch):
    """Stand in the folder of tinynet.py, as a user does."""
    monkeypatch.chdir(CASES)
    monkeypatch.setattr("sys.path", [*__import__("sys").path])


def refusal(spec):
    with pytest.raises(NetworkError) as caught:
        load_network(str(spec), device="cpu")
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    "file",
    [
        "lightning_criterion.ckpt",
        "hovernet_desc.tar",
        "nnunet.pth",
        "numpy_scalar.pth",
        "sharded/model.safetensors.index.json",
    ],
)
def test_a_checkpoint_of_a_framework_loads_beside_the_module_in_this_folder(in_cases, file):
    network = load_network(f"tinynet:build?weights={file}", device="cpu")
    assert network.batchnorm_batches == 20
    state = network.module.state_dict()
    assert not torch.equal(state["encoder.1.running_mean"], torch.zeros(8))


@pytest.mark.parametrize(
    "file", ["lightning_criterion.ckpt", "hovernet_desc.tar", "nnunet.pth", "numpy_scalar.pth"]
)
def test_a_checkpoint_alone_is_told_that_it_needs_its_network(file):
    assert refusal(CASES / file) == (
        f"{CASES / file} holds weights but not the network that they belong to; "
        f"use package.module:factory?weights={CASES / file}"
    )


def test_a_checkpoint_of_before_torch_archives_is_told_so_too(tmp_path):
    path = tmp_path / "old.pth"
    torch.save(filled(), path, _use_new_zipfile_serialization=False)
    assert "holds weights but not the network" in refusal(path)


def test_a_folder_of_sharded_weights_stands_for_its_index(in_cases):
    network = load_network(f"tinynet:build?weights={CASES / 'sharded'}", device="cpu")
    assert network.batchnorm_batches == 20


def test_a_folder_of_several_weights_must_say_which(in_cases, tmp_path):
    assert "is a folder, and weights are a file: name one of it" in refusal(
        f"tinynet:build?weights={CASES}"
    )
    assert "none that ends in .safetensors" in refusal(f"tinynet:build?weights={tmp_path}")


def test_what_a_loss_left_in_the_checkpoint_is_told(in_cases):
    network = load_network("tinynet:build?weights=lightning_criterion.ckpt", device="cpu")
    (note,) = network.notes
    assert note.endswith("left out: criterion.pos_weight")
    assert ("note", note) in network_rows(network)


def filled():
    module = FiguresNet(classes=2)
    for parameter in module.parameters():
        nn.init.uniform_(parameter)
    return module.state_dict()


def under(prefix, state):
    return {prefix + key: value for key, value in state.items()}


OTHER = FiguresNet(classes=2).state_dict()


@pytest.mark.parametrize(
    "wrap",
    [
        lambda s: {"state_dict": under("model.", s) | under("model_ema.", OTHER)},
        lambda s: {"student": OTHER, "teacher": under("module.", s), "epoch": 1},
        lambda s: {"model_ema": {"module": OTHER}, "model": under("_orig_mod.", s)},
        lambda s: {"optimizer": {"state": {0: {"exp_avg": torch.zeros(3)}}}, "net": s},
        lambda s: {"anything": {"generator": under("module.net.", s)}},
        lambda s: under("model._orig_mod.", s) | {"mean": torch.zeros(3), "std": torch.ones(3)},
        lambda s: under("student.", OTHER) | under("teacher.", s),
        lambda s: {"ema": s},
    ],
)
def test_the_weights_are_found_in_every_nest_and_behind_every_prefix(tmp_path, wrap):
    state = filled()
    torch.save(wrap(state), tmp_path / "w.pth")
    network = load_network(f"{FIGURES}&weights={tmp_path / 'w.pth'}", device="cpu")
    for key, value in state.items():
        assert torch.equal(network.module.state_dict()[key], value), key


@pytest.mark.parametrize("key", ["ema", "model_ema", "state_dict_ema"])
def test_averaged_weights_are_a_sign_of_stale_statistics_only_if_they_were_used(tmp_path, key):
    module = FiguresNet(classes=2)
    torch.save({key: filled()}, tmp_path / "w.pth")
    signs = load_weights(module, tmp_path / "w.pth").stale_signs
    assert signs == (f"the weights are averages, saved as {key!r}",)
    torch.save({key: filled(), "model": filled()}, tmp_path / "w.pth")
    assert load_weights(module, tmp_path / "w.pth").stale_signs == ()


def test_a_wrapper_of_the_users_own_takes_plain_weights(tmp_path):
    state = filled()
    save_file(state, tmp_path / "w.safetensors")
    wrapper = nn.ModuleDict({"inner": FiguresNet(classes=2)})
    load_weights(wrapper, tmp_path / "w.safetensors")
    assert torch.equal(wrapper["inner"].classifier.weight, state["classifier.weight"])


def test_more_layers_inside_a_part_of_the_network_are_another_network(tmp_path):
    save_file(filled() | {"features.21.weight": torch.ones(1)}, tmp_path / "w.safetensors")
    text = refusal(f"{FIGURES}&weights={tmp_path / 'w.safetensors'}")
    assert "has 'features.21.weight', which the network does not have" in text


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_checkpoints_and_modules_give_an_answer(tmp_path, dtype, monkeypatch):
    halves = {k: v.to(dtype) if v.is_floating_point() else v for k, v in filled().items()}
    save_file(halves, tmp_path / "w.safetensors")
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / f"short_{str(dtype)[6:]}.py").write_text(
        "import torch\nfrom wsi_scale.networks.architectures import FiguresNet\n"
        f"def build():\n    return FiguresNet(classes=2).to({dtype})\n"
    )
    patches = np.random.default_rng(0).integers(0, 256, (2, 96, 96, 3), np.uint8)
    seen = []
    for spec in (FIGURES, f"short_{str(dtype)[6:]}:build?"):
        network = load_network(f"{spec}&weights={tmp_path / 'w.safetensors'}".replace("?&", "?"))
        logits = network.logits(network.prepare(patches))
        assert logits.dtype == torch.float32
        seen.append(logits)
    assert torch.equal(*seen)


@pytest.mark.parametrize("kind", [np.float64, np.float32, np.int64, np.bool_])
def test_numbers_of_numpy_are_read_as_plain_numbers(tmp_path, kind):
    torch.save({"state_dict": {"a": torch.ones(1)}, "best": kind(1)}, tmp_path / "w.pth")
    found = read_tree(tmp_path / "w.pth")["best"]
    assert found == 1
    assert type(found) in (float, int, bool)


def test_other_objects_are_refused_with_the_command_that_converts(tmp_path, capsys):
    import argparse
    import subprocess
    import sys

    state = filled()
    torch.save({"state_dict": state, "args": argparse.Namespace(lr=1)}, tmp_path / "w.pth")
    text = refusal(f"{FIGURES}&weights={tmp_path / 'w.pth'}")
    assert "argparse.Namespace" in text
    assert "could run code when opened" in text
    program = text.partition('python -c "')[2].partition('"')[0]
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True)
    new = text.rpartition(" use ")[2]
    load_network(f"{FIGURES}&weights={tmp_path / new}", device="cpu")


def test_an_array_of_pointers_is_not_taken_for_a_number(tmp_path):
    torch.save({"a": np.array([("x",)], dtype=[("b", "O")])[0]}, tmp_path / "w.pth")
    assert str(tmp_path) in refusal(f"{FIGURES}&weights={tmp_path / 'w.pth'}")


@pytest.mark.parametrize("file", ["half.ckpt", "cut20.ckpt", "cut1000.ckpt"])
def test_a_download_that_was_cut_off_is_called_damaged(file):
    path = CASES / "hostile" / file
    assert f"{path} is not a checkpoint" in refusal(f"{FIGURES}&weights={path}")
    assert "or is damaged" in refusal(f"{FIGURES}&weights={path}")


def test_a_wrong_offset_that_torch_reads_past_is_no_traceback():
    with suppress(NetworkError):  # versions of torch differ
        load_network(f"{FIGURES}&weights={CASES / 'hostile' / 'cd_offset.ckpt'}", device="cpu")


@pytest.mark.parametrize("file", ["deep_card.toml", "digits_card.toml"])
def test_a_card_too_deep_or_with_too_long_a_number_is_one_sentence(file):
    assert "is not valid TOML or is damaged" in refusal(CASES / "hostile" / file)


def test_a_card_as_large_as_a_slide_is_not_read(tmp_path):
    with (tmp_path / "card.toml").open("wb") as file:
        file.truncate(1 << 30)
    assert "larger than 1 MiB" in refusal(tmp_path)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{}", "is not the index of a sharded file"),
        ('{"weight_map": {"a": "../w.safetensors"}}', "does not lie beside it"),
        ('{"weight_map": {"a": "gone.safetensors"}}', "'gone.safetensors'"),
        ('{"weight_map": {"a": 5}}', "names the shard 5"),
        ("[" * 100_000, "or is damaged"),
    ],
)
def test_a_bad_index_is_one_sentence(tmp_path, content, says):
    (tmp_path / "m.safetensors.index.json").write_text(content)
    assert says in refusal(f"{FIGURES}&weights={tmp_path / 'm.safetensors.index.json'}")


def test_json_without_weights_is_not_said_to_run_code(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    text = refusal(f"{FIGURES}&weights={tmp_path / 'config.json'}")
    assert "is JSON and holds no weights" in text


def test_shards_count_among_the_files_of_a_network(tmp_path):
    shutil.copytree(CASES / "sharded", tmp_path / "s")
    index = tmp_path / "s" / "model.safetensors.index.json"
    files = files_of_spec(f"tinynet:build?weights={index}")
    assert [Path(file).name for file in files] == [
        "model.safetensors.index.json",
        "model-00001-of-00002.safetensors",
        "model-00002-of-00002.safetensors",
    ]


@pytest.mark.parametrize(
    "spec",
    ["s3://bucket/net.pt", "https://x.org/net.pt2?mpp=1", f"{FIGURES}&weights=https://x.org/w.pth"],
)
def test_an_address_is_told_to_be_downloaded_first(spec):
    assert "download the file first" in refusal(spec)


def test_a_tilde_is_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    save_file(filled(), tmp_path / "w.safetensors")
    network = load_network(f"{FIGURES}&weights=~/w.safetensors", device="cpu")
    assert network.sha256 is not None
    assert files_of_spec(f"{FIGURES}&weights=~/w.safetensors") == [str(tmp_path / "w.safetensors")]


def test_weights_alone_are_told_how_to_be_used():
    path = CASES / "lightning_criterion.ckpt"
    assert f"use package.module:factory?weights={path}" in refusal(path)
