"""``wsi-scale thesis``: thin commands, one-sentence errors, results where the user wants them."""

import os
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest
from PIL import Image

from wsi_scale import cli
from wsi_scale.known_scale.thesis import reproduce, write_images
from wsi_scale.known_scale.thesis import train as training
from wsi_scale.known_scale.thesis.plan import PRESETS


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """The working directory: whatever is written by mistake shows here."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refused(capsys, *words):
    """The one sentence with which the command is refused."""
    assert cli.run(["thesis", *words]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert re.fullmatch(r"error: [^\n]+\n", captured.err), captured.err
    return captured.err


def test_dataset_says_the_room_it_needs_then_writes(capsys, folder, monkeypatch):
    monkeypatch.setattr(write_images, "ImageSet", partial(write_images.ImageSet, side=100))
    assert cli.run(["thesis", "dataset", "set", "--split", "test", "--workers", "1"]) == 0
    captured = capsys.readouterr()
    assert "100 images to draw, about" in captured.err
    assert "are free" in captured.err
    assert captured.out == "100 images in set, listed in manifest.csv\n"
    assert len(list((folder / "set" / "test").glob("*.png"))) == 100


def test_a_folder_of_other_images_and_a_full_disk_are_refused_before_anything_is_said(
    capsys, folder, monkeypatch
):
    monkeypatch.setattr(write_images, "ImageSet", partial(write_images.ImageSet, side=100))
    write_images.begin(write_images.ImageSet(folder / "set"))
    sentence = refused(capsys, "dataset", "set", "--noise", "50")
    assert "set was made with noise 0.0, not 50.0; choose another folder" in sentence
    monkeypatch.setattr(write_images, "free_bytes", lambda _: 1000)
    assert "choose another disk" in refused(capsys, "dataset", "new")
    assert {path.name for path in folder.rglob("*")} == {"set", "dataset.json"}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("dataset", "set", "--noise", "-5"), "noise must be 0 to 1000 grey levels"),
        (("dataset", "set", "--noise", "1e300"), "0 to 1000 grey levels, got 1e+300"),
        (("dataset", "x" * 300), "x… is too long; choose a shorter one"),
        (("reproduce", "--out", "x" * 300), "x… is too long; choose a shorter one"),
        (("train", "--out", "n", "--scale", "5", "--filters", "8,16"), "3 blocks"),
        (("dataset", "set", "--grain", "3"), "the grain of noise must be 1 or 2 px, got 3"),
        (
            ("dataset", "set", "--split", "dev"),
            "unknown split 'dev'; choose from both, train, test",
        ),
        (("dataset", "set", "--workers", "0"), "at least 1 worker is needed, got 0"),
        (("dataset", "set", "--seed", "x"), "'x' is not a whole number"),
        (("train", "--out", "n", "--scale", "-2"), "above 0 and at most 64, got -2"),
        (("train", "--out", "n", "--scale", "5", "--schedule", "x"), "unknown schedule 'x'"),
        (("train", "--out", "n", "--scale", "5", "--threads", "0"), "at least 1 thread"),
        (("train", "--out", "n", "--scale", "5", "--images", "no"), "no folder no"),
        (("train", "--scale", "5"), "Missing option '--out'"),
        (("train", "--out", "n", "--seed", "1"), "give the --scale of the network to train"),
        (("reproduce", "--preset", "slow"), "unknown preset 'slow'; choose from quick, full"),
        (("reproduce", "--workers", "0"), "at least 1 worker is needed, got 0"),
        (("reproduce", "--images", "no"), "no folder no"),
        (("reproduce", "--networks", "no"), "no folder no"),
        (("reproduce", "--seed", "-1"), "the seed must be 0 or more, got -1"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence_and_nothing_is_written(
    capsys, folder, words, says
):
    assert says in refused(capsys, *words)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("command", [("train", "--out", "n", "--scale", "5"), ("reproduce",)])
def test_stored_images_of_another_seed_are_refused(capsys, folder, command):
    write_images.begin(write_images.ImageSet(folder / "set", seed=1))
    assert "set was made with seed 1, not 0" in refused(capsys, *command, "--images", "set")


def test_no_command_is_one_sentence_too(capsys):
    assert refused(capsys) == "error: Missing command; see wsi-scale thesis --help\n"


def test_a_file_in_the_folders_place_is_refused(capsys, folder):
    (folder / "taken").touch()
    assert "taken is a file" in refused(capsys, "reproduce", "--out", "taken")
    assert "taken is a file" in refused(capsys, "dataset", "taken")
    train = ("train", "--scale", "5", "--out", "taken")
    assert "cannot make taken/figures-5-decayed" in refused(capsys, *train)


def test_train_writes_a_card_and_does_not_train_twice(capsys, folder, monkeypatch):
    module = training.FiguresNet().eval()
    monkeypatch.setattr(
        training,
        "train_network",
        lambda recipe, tell, images: training.Trained(recipe, module, 0.95, 4000),
    )
    assert cli.run(["thesis", "train", "--scale", "2.5", "--out", "n"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert (
        "figures-2.5-decayed: 95.0% of unseen patches at scale 2.5 are classified correctly" in out
    )
    assert (folder / "n" / "figures-2.5-decayed" / "card.toml").exists()
    assert "is already trained; choose another" in refused(
        capsys, "train", "--scale", "2.5", "--out", "n"
    )


def test_train_without_a_scale_trains_every_network_that_is_missing(capsys, folder, monkeypatch):
    module = training.FiguresNet().eval()
    asked = []

    def pretend(recipe, tell, images):
        asked.append(recipe.name)
        return training.Trained(recipe, module, 1.0, 4000)

    monkeypatch.setattr(training, "train_network", pretend)
    done = folder / "n" / "figures-4-constant"
    done.mkdir(parents=True)
    (done / "card.toml").touch()
    assert cli.run(["thesis", "train", "--out", "n"]) == 0
    assert len(asked) == 13
    assert "figures-4-constant" not in asked
    assert "13 networks to train" in capsys.readouterr().err


def test_reproduce_tells_where_to_read(capsys, folder, monkeypatch):
    plans = []

    def pretend(plan, workers, tell):
        plans.append((plan, workers))
        tell("asking the networks", 1, 2)
        return [Path("a.csv")] * 3

    monkeypatch.setattr(reproduce, "reproduce", pretend)
    assert cli.run(["thesis", "reproduce", "--workers", "3", "--seed", "4"]) == 0
    ((plan, workers),) = plans
    assert (plan.out, plan.preset, plan.seed) == (Path("thesis-quick"), PRESETS["quick"], 4)
    assert workers == 3
    captured = capsys.readouterr()
    assert "3 tables and figures in thesis-quick" in captured.out
    assert "asking the networks …" in captured.err


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="no process groups on this system")
def test_ctrl_c_keeps_whole_images_and_the_next_run_goes_on(folder):
    """Two real processes draw, and all are interrupted as a terminal would."""
    program = (
        "import signal, sys\n"
        "from wsi_scale import cli\n"
        # a shell makes its background processes ignore it
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "sys.exit(cli.run(sys.argv[1:]))\n"
    )
    command = [sys.executable, "-c", program, "thesis", "dataset", "set", "--split", "test"]
    with subprocess.Popen(
        [*command, "--workers", "2"],
        cwd=folder,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as run:
        try:
            deadline = time.monotonic() + 120
            while not list(folder.rglob("*.png")) and time.monotonic() < deadline:
                time.sleep(0.1)
            os.killpg(run.pid, signal.SIGINT)
            _, err = run.communicate(timeout=60)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(run.pid, signal.SIGKILL)
    assert run.returncode == 130
    assert "cancelled" in err
    assert "Traceback" not in err
    drawn = list(folder.rglob("*.png"))
    assert 0 < len(drawn) < 100
    assert not list(folder.rglob("*.part"))
    for path in drawn:
        with Image.open(path) as image:
            image.load()
    assert len(write_images.ImageSet(folder / "set", splits=("test",)).missing()) == 100 - len(
        drawn
    )
