"""A .pt2 or TorchScript file computes and does nothing else: what could act is refused unopened."""

import json
import re
import warnings
import zipfile
from pathlib import Path

import pytest
import torch
from torch import nn

from wsi_scale.errors import NetworkError
from wsi_scale.networks import load_network
from wsi_scale.networks.operators import GROUPS, OPERATORS, OTHERS, is_allowed
from wsi_scale.networks.sources import exported, torchscript

DOCS = Path(__file__).parents[2] / "docs"


def refusal(path):
    with pytest.raises(NetworkError) as caught:
        load_network(str(path), device="cpu")
    text = str(caught.value)
    assert "\n" not in text
    assert "so it is refused; export the network again without it" in text
    return text


@pytest.fixture
def target(tmp_path):
    """A file that must stay as it is."""
    path = tmp_path / "precious.bin"
    path.write_bytes(b"\x01" * 64)
    yield path
    assert path.read_bytes() == b"\x01" * 64
    assert not list(tmp_path.glob("written*"))


def rewrite(path, change):
    """Copy an archive record by record through ``change(name, content)``."""
    with zipfile.ZipFile(path) as archive:
        records = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, content in records.items():
            archive.writestr(name, change(name, content))


def save_script(module, path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.script(module).save(str(path))
    return path


class FromFile(nn.Module):
    def __init__(self, path: str):
        super().__init__()
        self.path = path

    def forward(self, x):
        mapped = torch.from_file(self.path, True, 16, dtype=torch.float32)
        return x.mean([2, 3]) + mapped.zero_().sum()


class Save(nn.Module):
    def __init__(self, path: str):
        super().__init__()
        self.path = path

    def forward(self, x):
        torch.save(x, self.path)
        return x.mean([2, 3])


class SaveOnLoad(nn.Module):
    def __init__(self, path: str):
        super().__init__()
        self.path = path
        self.training = False

    @torch.jit.export
    def __getstate__(self):
        return self.path, self.training

    @torch.jit.export
    def __setstate__(self, state: tuple[str, bool]):
        self.path = state[0]
        self.training = state[1]
        torch.save(torch.zeros(1), self.path)

    def forward(self, x):
        return x.mean([2, 3])


def test_a_torchscript_that_overwrites_a_file_is_refused(tmp_path, target):
    assert "torch.from_file" in refusal(save_script(FromFile(str(target)), tmp_path / "n.pt"))


def test_a_torchscript_that_saves_a_file_is_refused(tmp_path, target):
    path = save_script(Save(str(tmp_path / "written")), tmp_path / "n.pt")
    assert "a call of torch.save" in refusal(path)


def test_a_torchscript_that_acts_while_it_is_loaded_is_refused(tmp_path, target):
    path = save_script(SaveOnLoad(str(tmp_path / "written")), tmp_path / "n.pt")
    assert "a call of torch.save" in refusal(path)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("t = torch\n    torch.relu(t.from_file('x', True, 16))", "t.from_file"),
        ("f = torch.save\n    f(input, 'written')", "torch.save"),
        ("y = getattr(torch, 'from_file')", "getattr(torch, 'from_file')"),
        ("ops.aten.save(input, 'written')", "ops.aten.save"),
        ("ops.prim.rpc_sync('w', input)", "ops.prim.rpc_sync"),
        ("ops.quantized.add(input, input)", "ops.quantized"),
        ("print(input)", "print"),
        ("p = print\n    print = 1\n    p(input)", "a call of p"),
        ("ops = torch", "a new meaning"),
        ("fork(input)", "fork"),
        ("y = input.from_file('x')", "input.from_file"),
        ("y = __torch__.torch.classes.a.B()", "a compiled class"),
        ("import os", "an import of os"),
        ("y = (torch.relu)(input)[0](input)", "a call of"),
    ],
)
def test_no_way_to_write_a_call_gets_past_the_list(tmp_path, target, monkeypatch, line, says):
    monkeypatch.chdir(tmp_path)
    path = Path(torchscript.example(tmp_path))

    def change(name, content):
        if not name.endswith(".py"):
            return content
        return re.sub(rb"(def forward\(.*?\) -> Tensor:\n)", rb"\1    " + line.encode() + b"\n",
                      content, count=1, flags=re.S)  # fmt: skip

    rewrite(path, change)
    assert says in refusal(path)


def test_a_compiled_class_in_the_data_is_refused(tmp_path):
    path = Path(torchscript.example(tmp_path))
    evil = b"\x80\x02c__torch__.torch.classes.evil\nThing\nq\x00."
    rewrite(path, lambda name, content: evil if name.endswith("/constants.pkl") else content)
    assert "a compiled class (__torch__.torch.classes.evil.Thing)" in refusal(path)


def test_two_records_of_one_name_are_refused(tmp_path):
    path = Path(torchscript.example(tmp_path))
    with zipfile.ZipFile(path, "a") as archive:
        name = next(n for n in archive.namelist() if n.endswith(".py"))
        archive.writestr(name.replace("__torch__", "__TORCH__"), "x = 1")
    assert "two records of one name" in refusal(path)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x00\x00\x00\x00PTMF", b"x" * 1000])
def test_a_file_that_is_no_torchscript_is_one_sentence(tmp_path, content):
    (tmp_path / "n.pt").write_bytes(content)
    with pytest.raises(NetworkError, match=r"n\.pt (is not a TorchScript file|holds a program)"):
        load_network(str(tmp_path / "n.pt"), device="cpu")


def test_two_records_of_one_name_in_a_pt2_are_refused(tmp_path):
    path = Path(exported.example(tmp_path))
    with zipfile.ZipFile(path, "a") as archive:
        name = next(n for n in archive.namelist() if n.endswith("models/model.json"))
        archive.writestr(name.replace("model.json", "MODEL.JSON"), "{}")
    assert "two records of one name" in refusal(path)


def change_program(path, change):
    def rewritten(name, content):
        if not name.endswith("models/model.json"):
            return content
        program = json.loads(content)
        change(program)
        return json.dumps(program)

    rewrite(path, rewritten)
    return path


def test_a_pt2_that_overwrites_a_file_is_refused(tmp_path, target):
    path = Path(exported.example(tmp_path))

    def change(program):
        nodes = program["graph_module"]["graph"]["nodes"]
        node = next(n for n in nodes if n["target"].startswith("torch.ops.aten.relu"))
        node["target"] = "torch.ops.aten.from_file.default"
        node["inputs"] = [
            {"name": "filename", "arg": {"as_string": str(target)}, "kind": 1},
            {"name": "shared", "arg": {"as_bool": True}, "kind": 1},
            {"name": "size", "arg": {"as_int": 16}, "kind": 1},
        ]

    assert "a call of torch.ops.aten.from_file.default" in refusal(change_program(path, change))


@pytest.mark.parametrize(
    "tree",
    [
        '[1, {"type": "builtins.dict", "context": "[{\\"__enum__\\": true, \\"fqn\\": '
        '\\"evil_module:E\\", \\"name\\": \\"A\\"}]", "children_spec": []}]',
        '[1, {"type": "collections.defaultdict", "context": {"default_factory_module": '
        '"evil_module", "default_factory_name": "f", "dict_context": []}, "children_spec": []}]',
    ],
)
def test_a_pt2_that_imports_a_module_is_refused(tmp_path, monkeypatch, target, tree):
    (tmp_path / "evil_module.py").write_text("open('written', 'w')\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    path = Path(exported.example(tmp_path))

    def change(program):
        program["graph_module"]["module_call_graph"][0]["signature"]["in_spec"] = tree

    assert "plain containers" in refusal(change_program(path, change))


@pytest.mark.parametrize("operator", ["torch.load", "torch.ops.evil.op.default", "os.system",
                                      "#evil.op", "_operator.methodcaller", "x"])  # fmt: skip
def test_a_pt2_calls_only_listed_operators(tmp_path, operator):
    path = Path(exported.example(tmp_path))

    def change(program):
        program["graph_module"]["graph"]["nodes"][0]["target"] = operator

    assert f"a call of {operator}" in refusal(change_program(path, change))


def test_a_name_in_a_pt2_cannot_be_python_text(tmp_path):
    path = Path(exported.example(tmp_path))
    evil = "x=__import__('os').mkdir('written')"

    def change(program):
        program["graph_module"]["signature"]["input_specs"][-1]["user_input"]["arg"]["as_tensor"][
            "name"
        ] = evil

    assert "which is none in Python" in refusal(change_program(path, change))


def test_the_page_lists_exactly_what_is_allowed():
    page = (DOCS / "trust.md").read_text(encoding="utf-8")
    for title, text in GROUPS.items():
        assert f"**{title}**: `{'` `'.join(sorted(text.split()))}`" in page
    for home, names in OTHERS.items():
        assert f"**{home}**: `{'` `'.join(sorted(names))}`" in page


def test_no_allowed_operator_touches_a_file_or_another_process():
    acting = ("file", "save", "load", "rpc", "fork", "wait", "print", "seed", "record", "owner")
    for name in OPERATORS:
        assert not any(word in name for word in acting), name
    for schema in torch._C._jit_get_all_schemas():
        home, _, name = schema.name.partition("::")
        if home == "aten" and is_allowed(name):
            taken = {argument.name for argument in schema.arguments}
            assert not taken & {"filename", "shared"}, name
