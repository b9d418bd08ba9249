"""Every hostile file that we were sent is refused in one short sentence, whoever names it."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from wsi_scale import cli

HOSTILE = Path(__file__).parents[1] / "cases" / "hostile"
FIGURES = "wsi_scale.networks.architectures:FiguresNet?classes=2&weights="
SLIDE = "synthetic:figures?seed=1&width=400&height=300"
SLIDES = (".tiff", ".svs", ".zip")


def doors(path):
    """The commands that people would give such a file to."""
    if path.suffix in SLIDES:
        return [["info", path], ["estimate", path], ["tiles", path, "--scale", "2", "--out", "o"]]
    if path.suffix == ".ckpt":
        return [["networks", f"{FIGURES}{path}"]]
    if path.suffix == ".toml":
        return [["networks", path], ["estimate", SLIDE, "--network", path]]
    if path.suffix == ".geojson":
        return [["estimate", SLIDE, "--network", "figures", "--region", path]]
    assert path.suffix == ".jsonl"
    return [["batch", "--summary", "--out", path]]


ELSEWHERE = ("cd_offset.ckpt", "long_line.txt")  # which newer torch reads; one slide's name
REFUSED = sorted(path.name for path in HOSTILE.iterdir() if path.name not in ELSEWHERE)


@pytest.mark.parametrize("name", REFUSED)
def test_a_hostile_file_is_one_short_sentence(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    path = Path(shutil.copy(HOSTILE / name, tmp_path))
    before = set(tmp_path.iterdir())
    for command in doors(path):
        code = cli.run([str(word) for word in command])
        shown = capsys.readouterr()
        assert (code, shown.out) == (2, ""), command
        (line,) = shown.err.splitlines()
        assert line.startswith("error: "), command
        assert line.isprintable(), command
        assert len(line) < 600, command
        assert "Traceback" not in line
    assert set(tmp_path.iterdir()) == before


@pytest.mark.parametrize("name", sorted(x.name for x in HOSTILE.iterdir() if x.suffix in SLIDES))
def test_info_of_a_hostile_slide_takes_little_time_and_memory(name):
    resource = pytest.importorskip("resource", reason="limits of a process are POSIX")
    command = [sys.executable, "-m", "wsi_scale.cli", "info", str(HOSTILE / name)]

    def bounded():
        resource.setrlimit(resource.RLIMIT_CPU, (20, 20))
        resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))

    done = subprocess.run(command, preexec_fn=bounded, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("error: ")


def test_a_line_of_140_000_letters_is_a_slide_that_is_not_there(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.run(["batch", str(HOSTILE / "long_line.txt"), "--out", "o.jsonl"]) == 3
    shown = capsys.readouterr()
    assert "1 slide: 1 failed" in shown.out
    assert max(map(len, shown.out.splitlines())) < 2500
    (row,) = map(json.loads, Path("o.jsonl").read_text().splitlines())
    assert len(row["error"]) < 1000


def test_a_checkpoint_whose_list_lies_is_read_or_refused_in_one_sentence(capsys):
    code = cli.run(["networks", f"{FIGURES}{HOSTILE / 'cd_offset.ckpt'}"])
    shown = capsys.readouterr()
    assert (code, len(shown.err.splitlines())) in [(0, 0), (2, 1)]
