"""Damaged network files: one sentence or a network, never a traceback and nothing written.

Seeded, so that a failure can be repeated; as many cases as fit into the seconds given.
"""

import os
import random
import time
import warnings
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from wsi_scale.errors import WsiScaleError
from wsi_scale.networks import load_network
from wsi_scale.networks.architectures import FiguresNet
from wsi_scale.networks.sources import card_file, exported, torchscript

SECONDS = float(os.environ.get("WSI_SCALE_FUZZ_SECONDS", "30")) / 5
"""Per kind of file."""

FIGURES = "wsi_scale.networks.architectures:FiguresNet?classes=2"
WORDS = (
    b"\xff" * 4,
    b"\x00" * 8,
    b"PK\x01\x02",
    b"-1",
    b"1e999",
    b"[" * 400,
    b'"',
    b"\x1b[2J",
    b"\n",
)


def checkpoint(folder):
    torch.save({"state_dict": FiguresNet(classes=2).state_dict(), "epoch": 1}, folder / "w.ckpt")
    return folder / "w.ckpt", f"{FIGURES}&weights="


def safetensors(folder):
    save_file(FiguresNet(classes=2).state_dict(), folder / "w.safetensors")
    return folder / "w.safetensors", f"{FIGURES}&weights="


def pt2(folder):
    return Path(exported.example(folder)), ""


def script(folder):
    return Path(torchscript.example(folder)), ""


def card(folder):
    return Path(card_file.example(folder)), ""


def damage(content, chance):
    """Change, cut out, repeat or put in some bytes."""
    data = bytearray(content)
    for _ in range(chance.choice([1, 1, 2, 5, 20])):
        at = chance.randrange(len(data) + 1)
        match chance.randrange(6):
            case 0:
                data[at : at + 1] = bytes([chance.randrange(256)])
            case 1:
                del data[at:]
            case 2:
                del data[at : at + chance.choice([1, 8, 100])]
            case 3:
                data[at:at] = data[at : at + chance.choice([1, 50, 1000])]
            case 4:
                data[at:at] = chance.choice(WORDS)
            case 5:
                word = chance.choice(WORDS)
                data[at : at + len(word)] = word
    return bytes(data)


def damage_record(content, chance, path):
    """Damage one record inside an archive and put the archive together again."""
    path.write_bytes(content)
    with zipfile.ZipFile(path) as archive:
        records = {name: archive.read(name) for name in archive.namelist()}
    plain = [name for name in records if name.endswith((".json", ".py", ".pkl"))]
    name = chance.choice(plain or list(records))
    records[name] = damage(records[name], chance)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for key, value in records.items():
            archive.writestr(key, value)
    return path.read_bytes()


@pytest.mark.parametrize("make", [checkpoint, safetensors, pt2, script, card])
def test_a_damaged_file_is_one_sentence(make, tmp_path, monkeypatch):
    good, spec = make(tmp_path)
    content = good.read_bytes()
    chance = random.Random(make.__name__)
    monkeypatch.chdir(tmp_path)
    work = tmp_path / f"damaged{good.suffix}"
    before = {*tmp_path.rglob("*"), work}
    until = time.monotonic() + SECONDS
    cases = refused = 0
    while time.monotonic() < until:
        inside = content[:2] == b"PK" and chance.random() < 0.6
        bad = damage_record(content, chance, work) if inside else damage(content, chance)
        work.write_bytes(bad)
        cases += 1
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                load_network(f"{spec}{work}", device="cpu")
        except WsiScaleError as error:
            refused += 1
            text = str(error)
            assert text.isprintable(), (make.__name__, cases, text)
            assert len(text) < 2000, (make.__name__, cases, text)
    assert {*tmp_path.rglob("*")} <= before, "a file was written"
    assert cases > 2
    assert refused > 0
