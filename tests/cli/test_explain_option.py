"""``estimate --explain``: a picture beside the answer, which never costs the answer."""

import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from wsi_scale import cli
from wsi_scale.errors import NetworkError

FIGURES = "synthetic:figures?seed=1&stretch=0.4&width=1500&height=1200"
FEW = ("--sites", "3", "--scales", "1:4", "--per-octave", "2", "--no-ruler")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def estimate(*arguments, network="figures"):
    return cli.run(["estimate", FIGURES, "--network", network, *FEW, *arguments])


@pytest.mark.parametrize(
    "network",
    [
        "figures",
        "smp:Unet?encoder_name=resnet18&classes=2",
        "timm:vit_tiny_patch16_224?num_classes=3&depth=2",
    ],
)
def test_a_picture_is_written_for_a_classifier_a_segmenter_and_a_transformer(
    folder, capsys, network
):
    assert estimate("--explain", "inside.png", network=network) in (0, 3)
    assert "Traceback" not in capsys.readouterr().err
    with Image.open("inside.png") as picture:
        assert picture.width == 1500


def test_the_answer_is_the_same_with_and_without(folder):
    assert estimate("--json", "a.json") == estimate("--json", "b.json", "--explain", "b.svg")
    one, two = (json.loads(Path(name).read_text()) for name in ("a.json", "b.json"))
    del one["provenance"], two["provenance"]
    assert one == two


def test_what_is_not_asked_for_is_not_loaded(folder, monkeypatch):
    for name in [name for name in sys.modules if name.startswith("wsi_scale.pipeline.explain")]:
        monkeypatch.delitem(sys.modules, name)
    estimate()
    assert not [name for name in sys.modules if name.startswith("wsi_scale.pipeline.explain.")]


def test_when_looking_inside_fails_the_answer_is_there_and_one_sentence_says_so(
    folder, capsys, monkeypatch
):
    def fail(*_):
        raise NetworkError("the network is tired")

    monkeypatch.setattr("wsi_scale.pipeline.explain.look.look_inside", fail)
    assert estimate("--json", "a.json", "--plot", "a.png", "--explain", "b.png") == 2
    shown = capsys.readouterr()
    assert "scale" in shown.out
    assert re.search(r"^error: b\.png was not written: the network is tired$", shown.err, re.M)
    assert {path.name for path in folder.iterdir()} == {"a.json", "a.png"}


def test_a_blank_slide_has_nothing_to_look_into(folder, capsys):
    Image.fromarray(np.full((600, 800, 3), 255, np.uint8)).save("blank.png")
    code = cli.run(["estimate", "blank.png", "--json", "a.json", "--explain", "b.png"])
    assert code == 2
    assert "b.png was not written: there is nothing to look into" in capsys.readouterr().err
    assert json.loads(Path("a.json").read_text())["verdict"] == "blank"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--explain", "inside.jpg"), "the suffix must be .png, .pdf or .svg"),
        (("--explain", "a.png", "--plot", "a.png"), "two results would go to the same file"),
        (("--explain", "nowhere/a.png"), "no folder"),
    ],
)
def test_a_place_that_cannot_be_used_is_refused_before_the_run(folder, capsys, arguments, says):
    assert estimate(*arguments) == 2
    assert says in capsys.readouterr().err
    assert list(folder.iterdir()) == []
