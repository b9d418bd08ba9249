"""A card is data: it runs no code unless the user says so."""

import pytest

from wsi_scale import cli
from wsi_scale.errors import NetworkError
from wsi_scale.networks import load_network
from wsi_scale.networks.trust import with_trust


def card(folder, source, **more):
    folder.mkdir(exist_ok=True)
    lines = [f'{key} = "{value}"' for key, value in {"source": source, **more}.items()]
    (folder / "card.toml").write_text("\n".join(lines))
    return folder / "card.toml"


def refusal(spec):
    with pytest.raises(NetworkError) as caught:
        load_network(str(spec), device="cpu")
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture
def shell_card(tmp_path):
    """A card that would write a file through the shell, and that file."""
    written = tmp_path / "written"
    return card(tmp_path / "net", f"subprocess:getoutput?cmd=touch {written}"), written


def test_a_card_that_runs_a_shell_command_is_refused(shell_card):
    path, written = shell_card
    text = refusal(path)
    assert "wants to run Python code (subprocess:getoutput)" in text
    assert "--trust" in text
    assert not written.exists()
    assert "subprocess" in refusal(path.parent)


@pytest.mark.parametrize("command", ["networks", "estimate", "batch", "calibrate", "evaluate"])
def test_every_command_that_takes_a_network_refuses_the_shell_card(
    shell_card, command, tmp_path, capsys
):
    path, written = shell_card
    slide = "synthetic:figures?seed=1&width=900&height=800"
    (tmp_path / "bench.csv").write_text(f"slide,scale\n{slide},2\n")
    rows, profile, bench = (tmp_path / x for x in ("rows.jsonl", "p.safetensors", "bench"))
    first, more = {
        "networks": ([str(path)], []),
        "estimate": ([slide], []),
        "batch": ([slide], ["--out", str(rows)]),
        "calibrate": ([slide, f"{slide}1"], ["--scale", "2", "--out", str(profile)]),
        "evaluate": ([str(tmp_path / "bench.csv")], ["--out", str(bench)]),
    }[command]
    named = [] if command == "networks" else ["--network", str(path)]
    words = [*first, *named, *more]
    assert cli.run([command, *words]) == 2
    assert "a card is data" in " ".join(capsys.readouterr().err.split())
    assert not written.exists()


def test_a_card_cannot_trust_itself(tmp_path):
    path = card(tmp_path / "a", "subprocess:getoutput?cmd=true&trust=true")
    assert "Python code" in refusal(path)
    path.write_text('source = "subprocess:getoutput?cmd=true"\ntrust = true\n')
    assert "unknown key 'trust'" in refusal(path)
    path.write_text('source = "subprocess:getoutput?cmd=true"\n_trusted = true\n')
    assert "unknown key '_trusted'" in refusal(path)


def test_a_trusted_card_may_name_a_function(tmp_path, monkeypatch, capsys):
    (tmp_path / "trusted_net.py").write_text(
        "from wsi_scale.networks.architectures import FiguresNet\n"
        "def build():\n    return FiguresNet(classes=2)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    path = card(tmp_path / "net", "trusted_net:build", name="mine")
    assert "Python code (trusted_net:build)" in refusal(path)
    assert len(load_network(f"{path}?trust=true", device="cpu").classes) == 2
    assert cli.run(["networks", str(path), "--trust", str(path.parent)]) == 0
    assert "mine" in capsys.readouterr().out


def test_trusting_another_card_is_refused(shell_card, tmp_path, capsys):
    path, written = shell_card
    other = card(tmp_path / "other", "figures")
    assert cli.run(["networks", str(path), "--trust", str(other)]) == 2
    assert "is not the card of" in capsys.readouterr().err
    assert not written.exists()


def test_the_folder_and_the_card_in_it_are_the_same_card(tmp_path, monkeypatch):
    card(tmp_path / "net", "figures")
    monkeypatch.chdir(tmp_path)
    assert with_trust("net", ["net/card.toml"]) == "net?trust=true"
    assert with_trust("net/card.toml?mpp=1", [str(tmp_path / "net")]).endswith("mpp=1&trust=true")
    assert with_trust("net", []) == "net"


@pytest.mark.parametrize(
    "source",
    [
        "timm:resnet18?checkpoint_path=evil",
        "timm:hf-hub:someone/net?pretrained=true",
        "timm:local-dir:evil",
        "timm:resnet18?pretrained_cfg_overlay={file = 'evil.pth'}",
        "smp:Unet?encoder_name=tu-hf-hub:someone/net",
        "smp:Unet?encoder_name=../evil",
    ],
)
def test_a_librarys_model_of_a_card_opens_no_file_and_no_address(tmp_path, source):
    assert "wants to run a model of a library with" in refusal(card(tmp_path / "net", source))


def test_a_librarys_model_of_a_card_takes_words_and_numbers(tmp_path):
    path = card(tmp_path / "net", "timm:resnet10t?num_classes=3&act_layer=gelu")
    assert len(load_network(str(path), device="cpu").classes) == 3


def test_the_own_architectures_need_no_trust(tmp_path):
    path = card(tmp_path / "net", "wsi_scale.networks.architectures:FiguresNet?classes=3")
    assert len(load_network(str(path), device="cpu").classes) == 3


def test_only_what_was_typed_finds_modules_in_this_folder(tmp_path, monkeypatch):
    (tmp_path / "net_here.py").write_text("raise SystemExit('ran')\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [*__import__("sys").path])
    assert "Python code" in refusal(card(tmp_path / "net", "net_here:build"))
    assert "SystemExit: ran" in refusal("net_here:build")
