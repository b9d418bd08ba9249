"""Which files a SPEC stands for, and which profile its card names."""

from pathlib import Path

import pytest

from wsi_scale.evaluate.identity import files_of_spec, profile_of_spec


@pytest.fixture
def card(tmp_path):
    """A card that names a profile beside it."""
    folder = tmp_path / "net"
    folder.mkdir()
    (folder / "card.toml").write_text('source = "a:b"\nprofile = "own.safetensors"\n')
    (folder / "own.safetensors").write_bytes(b"profile")
    return folder / "card.toml"


def test_the_profile_is_the_one_beside_the_card(card):
    assert profile_of_spec(str(card)) == card.parent / "own.safetensors"
    assert profile_of_spec(str(card.parent)) == card.parent / "own.safetensors"


def test_a_profile_in_the_query_goes_before_the_cards(card):
    assert profile_of_spec(f"{card}?profile=other.safetensors") == Path("other.safetensors")


@pytest.mark.parametrize("spec", ["figures", "timm:resnet18", "model.pt", "missing/card.toml", ""])
def test_networks_without_a_profile_name_none(spec):
    assert profile_of_spec(spec) is None


def test_a_cards_profile_is_one_of_its_files(card):
    assert files_of_spec(str(card)) == [str(card), str(card.parent / "own.safetensors")]


def test_a_file_named_like_a_bundled_network_is_not_that_network(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("figures").write_text("no network")
    assert next(Path(name).name for name in files_of_spec("figures")) == "card.toml"
