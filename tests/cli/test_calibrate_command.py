"""``wsi-scale calibrate`` and ``estimate --profile``: one sentence for every fault."""

import json
import re

import pytest

from wsi_scale import cli
from wsi_scale.cli.calibrate import list_images
from wsi_scale.estimators.profile_file import load_profile

CLASSES = ("red cross", "green ellipse", "blue rectangle")
IMAGES = [
    f"synthetic:figures?seed={seed}&class={kind}&width=2500&height=2500"
    for seed, kind in enumerate(CLASSES)
]
KNOWN = ("--network", "figures", "--scale", "5", "--out", "p.safetensors")
QUICK = ("--sites", "1", "--jitters", "0", "--per-octave", "2")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """The working directory: whatever is written by mistake shows here."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refused(capsys, *words):
    """The one sentence with which the command is refused."""
    assert cli.run(list(words)) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    sentence = captured.err.splitlines()[-1]
    assert re.fullmatch(r"error: .+", sentence), captured.err
    return sentence


def test_a_profile_is_made_said_what_it_is_worth_and_used(capsys, folder):
    assert cli.run(["calibrate", *IMAGES, *KNOWN, *QUICK]) == 0
    told = capsys.readouterr().out
    assert re.search(r"figures, calibrated on 3 images from 0\.2 to \d\S* times", told)
    assert re.search(r"the median error is \d\.\d{3} octave", told)
    assert len(load_profile(folder / "p.safetensors").strangeness) == 3
    again = ["--sites", "2", "--scales", "1:8", "--per-octave", "2", "--json", "-"]
    named = ["--network", "figures", "--estimator", "profile", "--profile", "p.safetensors"]
    cli.run(["estimate", IMAGES[0], *named, *again])
    report = json.loads(capsys.readouterr().out)
    assert report["estimator"] == "profile"
    assert set(report["voices"]) >= {"profile", "fingerprint"}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((*IMAGES, *KNOWN[:2], *KNOWN[4:]), "either scale or mpp, and not both"),
        ((*IMAGES, *KNOWN, "--mpp", "0.5"), "either scale or mpp, and not both"),
        ((*IMAGES[:2], *KNOWN), "at least 3 images"),
        ((*IMAGES, IMAGES[0], *KNOWN), "is given twice; give each image once"),
        ((*IMAGES, *KNOWN[:4], "--out", "p.txt"), "writes a .safetensors file, got p.txt"),
        ((*IMAGES, *KNOWN[:4], "--out", "no/p.safetensors"), "no/p.safetensors"),
        ((*IMAGES, *KNOWN, "--sites", "0"), "sites must be at least 1, got 0"),
        ((*IMAGES, "nowhere.svs", *KNOWN, *QUICK), "nowhere.svs"),
        ((*IMAGES, "--scale", "5", "--out", "p.safetensors"), "Missing option '--network'"),
        ((*KNOWN,), "Missing argument 'IMAGES'"),
        (
            (*IMAGES, "--network", "figures", "--mpp", "2", "--out", "p.safetensors", *QUICK),
            "does not state its µm/px",
        ),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused_and_nothing_written(capsys, folder, words, says):
    assert says in refused(capsys, "calibrate", *words)
    assert list(folder.iterdir()) == []


def test_a_folder_that_is_a_slide_is_one_image(tmp_path):
    for name in ("a.zarr", "b.zarr"):
        (tmp_path / "slides" / name).mkdir(parents=True)
        (tmp_path / "slides" / name / ".zgroup").write_text("{}")
    (tmp_path / "slides" / "c.png").touch()
    (tmp_path / "slides" / "notes").mkdir()
    slides = [str(tmp_path / "slides" / name) for name in ("a.zarr", "b.zarr", "c.png")]
    assert list_images([str(tmp_path / "slides")]) == slides
    assert list_images(slides[:1]) == slides[:1]


def test_an_empty_folder_is_refused(capsys, folder):
    (folder / "tiles").mkdir()
    assert "no image in the folder tiles" in refused(capsys, "calibrate", "tiles", *KNOWN)


def test_a_profile_that_is_none_is_refused_before_the_work(capsys, folder):
    (folder / "p.safetensors").write_text("scale = 5")
    sentence = refused(capsys, "estimate", IMAGES[0], "--profile", "p.safetensors")
    assert "is not a profile" in sentence
    assert "cannot read the profile x" in refused(capsys, "estimate", IMAGES[0], "--profile", "x")


def test_a_result_never_replaces_the_profile(capsys, folder):
    (folder / "p.json").write_text("mine")
    words = ("estimate", IMAGES[0], "--profile", "p.json", "--json", "p.json")
    assert "would replace p.json" in refused(capsys, *words)
