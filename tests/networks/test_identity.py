"""Which files a SPEC stands for, and which profile its card names."""

from pathlib import Path

import pytest

from wsi_scale.networks.identity import files_of_spec, profile_of_spec, selective_of_spec


@pytest.fixture
def card(tmp_path):
    """A card that names a profile in its folder."""
    folder = tmp_path / "net"
    folder.mkdir()
    (folder / "card.toml").write_text('source = "a:b"\nprofile = "own.safetensors"\n')
    (folder / "own.safetensors").write_bytes(b"profile")
    return folder / "card.toml"


def test_the_profile_is_the_one_beside_the_card(card):
    assert profile_of_spec(str(card)) == card.parent / "own.safetensors"
    assert profile_of_spec(str(card.parent)) == card.parent / "own.safetensors"


def test_a_cards_word_that_a_network_is_selective_is_read_without_loading_it(card):
    assert selective_of_spec(str(card)) is None
    card.write_text(card.read_text() + "selective = 0.25\n")
    assert selective_of_spec(f"{card}?mpp=0.5") == 0.25
    assert selective_of_spec("histology") > 0
    assert selective_of_spec("timm:resnet18") is None


@pytest.mark.parametrize("spec", ["figures", "timm:resnet18", "model.pt", "missing/card.toml", ""])
def test_networks_without_a_profile_name_none(spec):
    assert profile_of_spec(spec) is None


def test_a_cards_profile_is_one_of_its_files(card):
    assert files_of_spec(str(card)) == [str(card), str(card.parent / "own.safetensors")]


def test_a_file_named_like_a_bundled_network_is_not_that_network(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("figures").write_text("no network")
    assert next(Path(name).name for name in files_of_spec("figures")) == "card.toml"
