"""Every way in which a SPEC, a file or a factory can be wrong, and the error message."""

import pickle
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from wsi_scale.errors import NetworkError
from wsi_scale.networks import choose_device, load_network
from wsi_scale.networks.architectures import FiguresNet

FIGURES = "wsi_scale.networks.architectures:FiguresNet?classes=2"


@pytest.fixture(autouse=True)
def toys(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parent))


def refusal(spec: str, **options) -> str:
    with pytest.raises(NetworkError) as caught:
        load_network(spec, **({"device": "cpu"} | options))
    text = str(caught.value)
    assert "\n" not in text
    return text


def test_figures_has_the_parameters_of_the_thesis():
    module = FiguresNet()
    trainable = sum(p.numel() for p in module.parameters())
    stored = sum(b.numel() for b in module.buffers() if b.ndim)
    assert (trainable, trainable + stored) == (5080, 5192)


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("toy_networks:raising", "the factory raised KeyError: 'depth'"),
        ("toy_networks:text", "made something of type str, not a torch.nn.Module"),
        ("toy_networks:not_callable", "has no function 'not_callable'"),
        ("toy_networks:nothing", "has no function 'nothing'"),
        ("no_such_module:build", "no module 'no_such_module'; run this in its folder"),
        ("toy_networks.deeper:build", "there is no module 'toy_networks.deeper'"),
        ("toy_networks:shaped?depth=3", "unexpected keyword argument 'depth'"),
        ("toy_networks:shaped?form=string", "returned a str, not a tensor"),
        ("toy_networks:shaped?form=not_a_number", "returned NaN or infinite"),
        ("toy_networks:shaped?form=infinite", "returned NaN or infinite"),
        ("toy_networks:shaped?form=rank", "returned shape (2,) for 2 patches"),
        ("toy_networks:shaped?form=no_batch", "returned shape (1, 2) for 2 patches"),
        (
            "toy_networks:shaped?form=strange_mapping",
            "several outputs, 'a' (2, 2, 96, 96), 'b' (2, 2, 96, 96); name one of them",
        ),
        (
            "toy_networks:shaped?form=strange_mapping&output=np",
            "returned no output 'np'; its outputs are 'a' (2, 2, 96, 96), 'b' (2, 2, 96, 96)",
        ),
        ("toy_networks:shaped?output=np", "returned no output 'np'; it returns one tensor"),
        ("toy_networks:shaped?form=tuple&output=1", "returned a int, not a tensor of logits"),
        ("toy_networks:shaped?form=tuple&output=2", "no output '2'; its outputs are '0' (2, 2, 96"),
        (
            "toy_networks:shaped?form=integers",
            "torch.int64 values; logits must be floating-point numbers",
        ),
        ("toy_networks:shaped?channels=5", "expected input"),
        ("toy_networks:shaped?mean=[1,2,3]&channels=1", "takes 1 channel(s) but mean has 3"),
        ("toy_networks:shaped?input_size=0", "input_size = 0"),
        ("toy_networks:shaped?mpp=big", "training_mpp = 'big'"),
        ("figure", "no bundled network 'figure'"),
        ("figures?depth=3", "does not take 'depth'; choose from"),
        ("none.pt", "cannot read none.pt: No such file"),
        ("none.pt2", "cannot read none.pt2: No such file"),
        ("none/card.toml", "cannot read the card none/card.toml"),
        ("none.pt?depth=3", "a TorchScript file does not take 'depth'; choose from"),
        ("none.pt?weights=a.pt", "has its own weights; remove weights="),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_sentence(spec, says):
    assert says in refusal(spec)


@pytest.mark.parametrize(
    "form", ["tensor", "mapping", "tuple", "object", "pooled", "one_pixel", "only_one"]
)
def test_logits_are_found_in_whatever_networks_return(form):
    network = load_network(f"toy_networks:shaped?form={form}", device="cpu")
    assert network.task == ("classify" if form in ("pooled", "one_pixel") else "segment")
    assert len(network.classes) == 2


@pytest.mark.parametrize(
    ("form", "output", "classes"),
    [
        ("heads", "np", 2),
        ("heads", "more.tp", 1),
        ("heads", "more.maps.1", 1),
        ("heads", "more.maps", 2),
        ("tuple_of_two", "1", 1),
        ("strange_mapping", "b", 2),
        ("named_tuple", "mask", 1),
    ],
)
def test_one_of_several_outputs_is_measured_by_its_name(form, output, classes):
    network = load_network(f"toy_networks:shaped?form={form}&output={output}", device="cpu")
    assert (network.card.output_key, len(network.classes)) == (output, classes)


def test_a_module_that_fails_on_import_is_refused(tmp_path, monkeypatch):
    (tmp_path / "broken_net.py").write_text("raise RuntimeError('no licence')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert "importing broken_net raised RuntimeError: no licence" in refusal("broken_net:build")


def test_a_module_that_misses_its_own_dependency_says_which(tmp_path, monkeypatch):
    (tmp_path / "needy_net.py").write_text("import no_such_dependency\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert "no_such_dependency" in refusal("needy_net:build")


@pytest.mark.parametrize(
    ("source", "library"),
    [
        ("timm:resnet18", "timm"),
        ("smp:Unet", "segmentation_models_pytorch"),
        ("torchvision:resnet18", "torchvision"),
    ],
)
def test_a_missing_library_says_how_to_get_it(monkeypatch, source, library):
    monkeypatch.setitem(sys.modules, library, None)
    assert 'pip install "wsi-scale[networks]"' in refusal(source)


@pytest.mark.parametrize(
    ("spec", "library", "says"),
    [
        ("timm:no_such_net", "timm", "has no model 'no_such_net'"),
        ("smp:Nonet", "segmentation_models_pytorch", "smp has no model 'Nonet'; choose from"),
        ("torchvision:no_such_net", "torchvision", "torchvision has no model 'no_such_net'"),
        ("torchvision:resnet18?depth=3", "torchvision", "the factory raised TypeError"),
    ],
)
def test_an_unknown_model_of_a_library_is_refused(spec, library, says):
    text = refusal(spec)
    if "wsi-scale[networks]" in text:
        pytest.skip(text)
    assert says in text


class Bomb:
    def __reduce__(self):
        return (print, ("unpickled",))


def test_a_checkpoint_that_could_run_code_is_refused(tmp_path, capsys):
    path = tmp_path / "bomb.pth"
    torch.save({"state_dict": Bomb()}, path)
    assert "could run code when opened" in refusal(f"{FIGURES}&weights={path}")
    path.write_bytes(pickle.dumps(Bomb()))
    assert str(path) in refusal(f"{FIGURES}&weights={path}")
    assert "unpickled" not in capsys.readouterr().out


@pytest.mark.parametrize("name", ["w.safetensors", "w.pt"])
@pytest.mark.parametrize("content", [b"", b"no weights at all", b"PK\x03\x04"])
def test_a_file_that_holds_no_weights_is_refused(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    assert str(tmp_path / name) in refusal(f"{FIGURES}&weights={tmp_path / name}")
    assert "cannot read" in refusal(f"{FIGURES}&weights={tmp_path / 'none.pt'}")


def test_a_torchscript_file_is_no_checkpoint_and_a_checkpoint_no_torchscript(tmp_path):
    from wsi_scale.networks.sources import torchscript

    scripted = torchscript.example(tmp_path)
    assert "holds no weights alone" in refusal(f"{FIGURES}&weights={scripted}")
    torch.save(FiguresNet().state_dict(), tmp_path / "w.pth")
    assert "holds weights but not the network" in refusal(str(tmp_path / "w.pth"))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda s: s.pop("classifier.bias"), "has no 'classifier.bias', which the network needs"),
        (
            lambda s: s.update({"features.99.weight": torch.zeros(1)}),
            "has 'features.99.weight', which the network does not have",
        ),
        (
            lambda s: s.update({"classifier.bias": torch.zeros(5)}),
            "'classifier.bias' has shape (5,) but the network needs (2,)",
        ),
    ],
)
def test_weights_of_another_network_are_refused_naming_the_first_key(tmp_path, change, says):
    state = FiguresNet(classes=2).state_dict()
    change(state)
    save_file(state, tmp_path / "w.safetensors")
    assert says in refusal(f"{FIGURES}&weights={tmp_path / 'w.safetensors'}")


@pytest.mark.parametrize(
    "wrap",
    [
        lambda s: s,
        lambda s: {"state_dict": s, "epoch": 3},
        lambda s: {"model": {f"module.{k}": v for k, v in s.items()}},
        lambda s: {"state_dict": {f"model.{k}": v for k, v in s.items()}},
    ],
)
def test_nests_and_prefixes_of_checkpoints_are_taken_off(tmp_path, wrap):
    module = FiguresNet(classes=2)
    torch.save(wrap(module.state_dict()), tmp_path / "w.pt")
    network = load_network(f"{FIGURES}&weights={tmp_path / 'w.pt'}", device="cpu")
    x = torch.rand(1, 3, 64, 64)
    torch.testing.assert_close(network.module(x), module.eval()(x))
    assert network.sha256 is not None


def test_a_checkpoint_of_something_else_is_refused(tmp_path):
    torch.save([1, 2], tmp_path / "w.pt")
    assert "holds a list, not a state dict" in refusal(f"{FIGURES}&weights={tmp_path / 'w.pt'}")
    torch.save({"a": 1}, tmp_path / "w.pt")
    text = refusal(f"{FIGURES}&weights={tmp_path / 'w.pt'}")
    assert "holds 'a' of type int among its weights; save its state_dict() alone" in text


def test_batchnorm_counts_that_are_not_in_the_file_are_unknown_not_zero(tmp_path):
    state = FiguresNet(classes=2).state_dict()
    save_file(
        {k: v for k, v in state.items() if "num_batches" not in k}, tmp_path / "w.safetensors"
    )
    network = load_network(f"{FIGURES}&weights={tmp_path / 'w.safetensors'}", device="cpu")
    assert network.batchnorm_batches is None
    assert load_network(FIGURES, device="cpu").batchnorm_batches == 0


def test_a_card_names_weights_beside_it_and_checks_their_hash(tmp_path):
    save_file(FiguresNet(classes=2).state_dict(), tmp_path / "w.safetensors")
    card = tmp_path / "card.toml"
    text = f'source = "{FIGURES}"\nweights = "w.safetensors"\nclasses = ["disc", "box"]\n'
    card.write_text(text)
    network = load_network(str(tmp_path), device="cpu")
    assert (network.classes, network.name) == (("disc", "box"), tmp_path.name)
    assert load_network(f"{card}?mpp=0.5", device="cpu").card.training_mpp == 0.5
    card.write_text(text + f'sha256 = "{network.sha256}"\n')
    assert load_network(str(card), device="cpu").sha256 == network.sha256
    card.write_text(text + f'sha256 = "{"0" * 64}"\n')
    assert "but its card says 000000000000…" in refusal(str(card))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "names no source"),
        ('source = "card.toml"', "source of a card cannot be another card"),
        ('source = "figures"', "source of a card cannot be another card"),
        ('source = "no/such.net"', "is not a known network or network file"),
        ('source = "none.pt"', "none.pt: No such file"),
        (
            f'source = "{FIGURES}&weights=w.pt"',
            "give weights as a key of the card, not inside source",
        ),
        (f'source = "{FIGURES}"\nclasses = ["a"]', "returns 2 classes but its card lists 1: a"),
        (
            f'source = "{FIGURES}"\nbackground = 2',
            "has 2 classes, so background = 2 does not exist",
        ),
        (
            f'source = "{FIGURES}"\ntask = "segment"',
            'has task = "segment" but returned shape (2, 2)',
        ),
        (
            'source = "toy_networks:shaped"\noutput = "probabilities"',
            "which are not probabilities; set output",
        ),
    ],
)
def test_a_card_that_contradicts_its_network_is_refused(tmp_path, text, says):
    (tmp_path / "card.toml").write_text(text)
    assert says in refusal(f"{tmp_path / 'card.toml'}?trust=true")


@pytest.mark.parametrize(
    ("device", "says"),
    [
        ("gpu", "unknown device 'gpu'; choose from auto"),
        ("cpu:1", "unknown device"),
        ("cuda:x", "unknown device"),
        ("cuda:99", "has no cuda:99"),
        ("", "unknown device"),
    ],
)
def test_a_device_that_is_not_there_is_refused(device, says):
    assert says in refusal(FIGURES, device=device)


def test_a_torchscript_failure_is_told_by_its_last_line(tmp_path):
    from wsi_scale.networks.sources import torchscript

    path = torchscript.example(tmp_path)
    card = tmp_path / "card.toml"
    card.write_text('source = "example.pt"\nchannels = 1\nname = "grey"\n')
    text = refusal(str(card))
    assert text.startswith("grey failed on patches of 224 px: RuntimeError: Given groups=1")
    assert load_network(path, device="cpu").channels == 3


def test_the_profile_of_a_card_lies_beside_it(tmp_path):
    (tmp_path / "card.toml").write_text(f'source = "{FIGURES}"\nprofile = "p.json"\n')
    assert load_network(str(tmp_path), device="cpu").card.profile == str(tmp_path / "p.json")


def test_auto_takes_a_device_that_is_there():
    assert choose_device("auto").type in ("cpu", "cuda", "mps")
