"""Full disks, signals and hostile names: the answer is shown, what was measured is kept."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from wsi_scale import cli
from wsi_scale.errors import OutputError

SMALL = "synthetic:figures?seed=1&stretch=0.4&width=1500&height=1200"
FEW = ("--network", "figures", "--sites", "3", "--scales", "1:4", "--per-octave", "2")
POSIX = pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals and devices")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def full_disk_for(monkeypatch, name):
    """Files of that name cannot be written, as on a full disk."""
    from wsi_scale.plumbing import files

    true = files.replacing

    def replacing(path, **options):
        if Path(path).name == name:
            raise OutputError(f"cannot write {path}: No space left on device")
        return true(path, **options)

    monkeypatch.setattr(files, "replacing", replacing)


def test_on_a_full_disk_the_answer_is_shown_and_the_other_files_are_kept(
    folder, monkeypatch, capsys
):
    full_disk_for(monkeypatch, "r.html")
    code = cli.run(["estimate", SMALL, *FEW, "--html", "r.html", "--json", "r.json"])
    shown = capsys.readouterr()
    assert code == 2
    assert "scale" in shown.out
    assert shown.err == "error: cannot write r.html: No space left on device\n"
    assert json.loads((folder / "r.json").read_text())["partial"] is False
    assert {path.name for path in folder.iterdir()} == {"r.json"}


@POSIX
def test_a_stdout_that_is_full_is_one_sentence_and_files_are_kept(folder):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "wsi_scale.cli", "estimate", SMALL, *FEW, "--json", "r.json"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=120,
        )
    assert done.returncode == 2
    assert done.stderr == "error: cannot write to stdout: No space left on device\n"
    assert (folder / "r.json").exists()


@POSIX
@pytest.mark.parametrize(
    "arguments", [["--help"], ["estimate", "--help"], ["--version"], ["networks"]]
)
def test_help_on_a_full_device_is_one_sentence(arguments):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "wsi_scale.cli", *arguments],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
        )
    assert done.stderr == "error: cannot write to stdout: No space left on device\n"
    assert done.returncode == 2


@POSIX
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_scheduler_that_ends_the_job_leaves_the_partial_report(folder, name):
    """The child sends itself the signal as soon as it has measured two sites."""
    program = (
        "import os, signal, sys\n"
        "for one in ('SIGINT', 'SIGTERM', 'SIGHUP'):\n"  # a shell makes its children ignore some
        "    signal.signal(getattr(signal, one), signal.SIG_DFL)\n"
        "from wsi_scale import cli; from wsi_scale.responses import measure\n"
        "true, calls = measure.measure_responses, []\n"
        "def measured(*arguments, **options):\n"
        "    calls.append(1)\n"
        "    if len(calls) == 3:\n"
        f"        os.kill(os.getpid(), signal.{name})\n"
        "    return true(*arguments, **options)\n"
        "measure.measure_responses = measured\n"
        "sys.argv[0] = 'wsi-scale'\n"
        "cli.main()\n"
    )
    arguments = ["estimate", SMALL, *FEW, "--sites", "50", "--json", "x.json"]
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 130, done.stderr
    assert done.stderr == "cancelled\n"
    assert json.loads((folder / "x.json").read_text())["partial"] is True


@POSIX
@pytest.mark.parametrize("seconds", [0.15, 0.4, 0.8])
def test_ctrl_c_while_libraries_load_is_no_traceback(seconds):
    program = (
        "import signal, sys; sys.argv = ['wsi-scale', 'networks', 'figures']\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "print('begun', flush=True)\n"
        "from wsi_scale.cli import main; main()"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    child.stdout.readline()
    time.sleep(seconds)
    child.send_signal(signal.SIGINT)
    _, said = child.communicate(timeout=60)
    assert "Traceback" not in said
    assert child.returncode in (130, 0)


def test_a_slide_name_with_codes_or_a_newline_fakes_nothing(folder, capsys):
    name = "a\nfaked line \x1b[2J.svs"
    (folder / name).write_bytes(b"no slide")
    assert cli.run(["info", name]) == 2
    shown = capsys.readouterr()
    assert shown.err.count("\n") == 1
    assert "\x1b" not in shown.err
    assert cli.run(["batch", str(folder / name), "--out", "rows.jsonl", "--workers", "1"]) == 3
    shown = capsys.readouterr()
    assert "\x1b" not in shown.out + shown.err
    assert "\nfaked line" not in shown.out
    assert "\x1b" not in (folder / "rows.summary.md").read_text()
    assert "\x1b" not in (folder / "rows.summary.html").read_text()


def test_fields_of_a_file_send_no_codes_to_the_terminal(folder, capsys):
    import numpy as np
    import tifffile

    said = "Aperio \x1b[31mred\x1b[0m\nMPP = \x1b]0;owned\x07"
    tifffile.imwrite("a.tif", np.zeros((64, 64, 3), np.uint8), description=said, metadata=None)
    assert cli.run(["info", "a.tif"]) == 0
    assert "\x1b" not in capsys.readouterr().out


@POSIX
def test_a_file_that_is_replaced_keeps_who_may_read_it(folder):
    (folder / "r.json").write_text("old")
    (folder / "r.json").chmod(0o600)
    cli.run(["info", SMALL, "--json", "r.json"])
    assert (folder / "r.json").stat().st_mode & 0o777 == 0o600
    assert "old" not in (folder / "r.json").read_text()
