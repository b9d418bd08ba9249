"""An exported program is code in disguise: what would run something when opened is refused."""

import json
import os
import warnings
import zipfile

import pytest
import torch
from torch import nn

from wsi_scale.errors import NetworkError
from wsi_scale.networks import load_network
from wsi_scale.networks.sources import exported


class Bomb:
    def __reduce__(self):
        return (os.mkdir, (os.environ["BOMB"],))


@pytest.fixture
def crater(tmp_path, monkeypatch):
    """The folder that a bomb would make."""
    monkeypatch.setenv("BOMB", str(tmp_path / "crater"))
    return tmp_path / "crater"


def rewrite(path, change):
    """Copy a .pt2 record by record through ``change(name, content)``."""
    with zipfile.ZipFile(path) as archive:
        records = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, content in records.items():
            archive.writestr(name, change(name, content))


def bomb_bytes(tmp_path):
    torch.save(Bomb(), tmp_path / "bomb")
    return (tmp_path / "bomb").read_bytes()


def refusal(path):
    with pytest.raises(NetworkError) as caught:
        load_network(str(path), device="cpu")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_program_for_one_batch_and_side_serves_any_batch(tmp_path):
    module = nn.Sequential(nn.Conv2d(3, 2, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval()
    path = tmp_path / "fixed.pt2"
    torch.export.save(torch.export.export(module, (torch.zeros(1, 3, 128, 128),)), path)
    network = load_network(str(path), device="cpu")
    assert (network.input_size, network.task) == (128, "classify")
    x = torch.rand(3, 3, 128, 128)
    assert torch.allclose(network.logits(x), module(x), atol=1e-6)


def test_sample_inputs_that_need_unpickling_are_refused(tmp_path, crater):
    path = exported.example(tmp_path)
    bomb = bomb_bytes(tmp_path)
    rewrite(path, lambda name, content: bomb if "sample_inputs" in name else content)
    assert "needs the unsafe unpickler and could run code" in refusal(path)
    assert not crater.exists()


def test_a_weight_that_needs_unpickling_is_refused(tmp_path, crater):
    path = exported.example(tmp_path)
    bomb = bomb_bytes(tmp_path)

    def change(name, content):
        if name.endswith("model_weights_config.json"):
            config = json.loads(content)
            for payload in config["config"].values():
                payload["use_pickle"] = True
            return json.dumps(config)
        is_weight = "/weights/weight_" in name or name.endswith("/weights/model.pt")  # older torch
        return bomb if is_weight else content

    rewrite(path, change)
    assert "needs the unsafe unpickler" in refusal(path)
    assert not crater.exists()


@pytest.mark.parametrize("kind", ["custom_obj_0", "opaque_obj_0"])
def test_a_pickled_constant_is_refused(tmp_path, crater, kind):
    path = exported.example(tmp_path)
    with zipfile.ZipFile(path) as archive:
        if not any(name.endswith("model_constants_config.json") for name in archive.namelist()):
            pytest.skip("this torch keeps constants in one file, which is never unpickled")

    def change(name, content):
        if name.endswith("model_constants_config.json"):
            entry = {"path_name": kind, "is_param": False, "use_pickle": True, "tensor_meta": None}
            return json.dumps({"config": {"c": entry}})
        return content

    rewrite(path, change)
    assert f"a pickled object ({kind})" in refusal(path)
    assert not crater.exists()


@pytest.mark.parametrize(
    "expression",
    ["__import__('os').mkdir('x')", "exec('x')", "open('x','w')", "a.b", "Symbol('s77').name"],
)
def test_an_expression_that_is_no_arithmetic_is_refused(tmp_path, crater, expression):
    path = exported.example(tmp_path)

    def change(name, content):
        if not name.endswith("models/model.json"):
            return content
        program = json.loads(content)

        def walk(tree):
            for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree):
                if key == "expr_str":
                    tree[key] = expression
                elif isinstance(value, dict | list):
                    walk(value)

        walk(program)
        return json.dumps(program)

    rewrite(path, change)
    assert "the expression" in refusal(path)


def test_a_call_outside_the_operators_is_refused(tmp_path):
    path = exported.example(tmp_path)

    def change(name, content):
        return content.replace(b"torch.ops.aten.relu.default", b"torch.load")

    rewrite(path, change)
    assert "a call of torch.load" in refusal(path)


def test_compiled_code_is_refused(tmp_path):
    path = exported.example(tmp_path)
    with zipfile.ZipFile(path) as archive:
        root = archive.namelist()[0].partition("/")[0]
    with warnings.catch_warnings(), zipfile.ZipFile(path, "a") as archive:
        archive.writestr(f"{root}/data/aotinductor/model/x.so", b"\x7fELF")
    assert "compiled code" in refusal(path)


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04 cut off"])
def test_a_file_that_is_no_program_is_refused(tmp_path, content):
    path = tmp_path / "bad.pt2"
    path.write_bytes(content)
    assert "is not an exported program" in refusal(path)


def test_the_switch_against_unpickling_is_put_back(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    load_network(exported.example(tmp_path), device="cpu")
    assert os.environ["TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"] == "1"
    assert "TORCH_FORCE_WEIGHTS_ONLY_LOAD" not in os.environ
