"""``wsi-scale batch``: a thin command, one-sentence errors, reliable exit codes."""

import csv
import io
import json
import logging
import re
import shutil
import signal
import subprocess
import sys
import threading
import time

import pytest
import torch

from wsi_scale import cli
from wsi_scale.batch import run_batch
from wsi_scale.batch.listing import Entry
from wsi_scale.batch.row import columns, failed_row, unflatten
from wsi_scale.batch.run_batch import Standing
from wsi_scale.batch.store import open_store
from wsi_scale.pipeline.iterate import estimate_slide
from wsi_scale.pipeline.settings import make_settings

CHEAP = [
    "--network",
    "figures",
    "--sites",
    "3",
    "--scales",
    "1:4",
    "--per-octave",
    "2",
    "--device",
    "cpu",
]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """The working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def asked(monkeypatch):
    """What the command passes on; writes the rows that the real work would leave."""
    calls = []

    def pretend(batch, start, tell):
        calls.append(batch)
        tell(Standing(4, 2))
        tell(Standing(4, 2, 1, 1, 30.0))
        if batch.asked.settings.seed == 130:
            raise KeyboardInterrupt
        store = open_store(batch.out)
        store.begin()
        for entry in batch.entries:
            row = dict.fromkeys(columns()) | {"verdict": "ok", "scale": 2.0}
            if "bad" in entry.path:
                row = failed_row("slide", "it is bad")
            store.append(row | {"path": entry.path, "cohort": entry.cohort})
        store.close()
        failed = sum("bad" in entry.path for entry in batch.entries)
        return Standing(4, 2, 2, failed, 60.0)

    monkeypatch.setattr(run_batch, "run_batch", pretend)
    return calls


def refused(capsys, *words):
    """The one sentence with which the command is refused."""
    assert cli.run(["batch", *words]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    last = captured.err.splitlines()[-1]
    assert re.fullmatch(r"error: [^\n]+", last), captured.err
    return last


def test_help_names_every_option(capsys):
    assert cli.run(["batch", "--help"]) == 0
    text = capsys.readouterr().out
    words = "SLIDES --out --scheduler --resume --summary --workers --memory --minutes --network"
    for word in words.split():
        assert word in text


def test_options_reach_the_question(asked):
    words = "--estimator fingerprint --scales 1:8 --sites 5 --seed 4 --mpp 0.25 --free-colour"
    more = "--memory 3 --minutes 2 --device cpu --network figures --resume"
    code = cli.run(
        ["batch", "synthetic:figures", "--out", "r.jsonl", *words.split(), *more.split()]
    )
    assert code == 0
    (batch,) = asked
    settings = batch.asked.settings
    assert (settings.estimator, settings.scales, settings.sites) == ("fingerprint", (1, 8), 5)
    assert (settings.seed, settings.mpp, settings.colour_fit) == (4, 0.25, True)
    assert (batch.asked.limits.memory, batch.asked.limits.seconds) == (3, 120)
    assert (batch.asked.device, batch.asked.network, batch.resume) == ("cpu", "figures", True)
    assert batch.entries == (Entry("synthetic:figures", "synthetic"),)


def test_the_summary_goes_to_stdout_and_beside_the_rows_and_progress_to_stderr(
    capsys, asked, folder
):
    assert cli.run(["batch", "synthetic:figures", "--out", "r.jsonl"]) == 0
    captured = capsys.readouterr()
    assert captured.out.startswith("1 slide: ")
    assert "2/4 slides\n" in captured.err
    names = {path.name for path in folder.iterdir()}
    assert {"r.summary.md", "r.summary.html", "r.summary.png", "r.summary.csv"} <= names
    assert (folder / "r.summary.md").read_text() in captured.out


def test_a_table_for_spreadsheets_may_be_what_is_asked_for(capsys, asked, folder):
    assert cli.run(["batch", "synthetic:figures", "--out", "r.csv"]) == 0
    assert "rows in r.jsonl; summary next to them in" in capsys.readouterr().out
    names = {path.name for path in folder.iterdir()}
    assert {"r.csv", "r.jsonl", "r.summary.md"} <= names
    assert "r.summary.csv" not in names
    table = list(csv.DictReader((folder / "r.csv").read_text("utf-8-sig").splitlines()))
    assert [row["verdict"] for row in table] == ["ok"]
    (folder / "r.csv").unlink()
    assert cli.run(["batch", "--out", "r.csv", "--summary"]) == 0
    assert (folder / "r.csv").exists()


def test_the_list_of_slides_is_not_replaced_by_the_table(capsys, asked, folder):
    (folder / "r.csv").write_text("slide\nsynthetic:figures\n")
    assert "r.csv" in refused(capsys, "r.csv", "--out", "r.csv")
    assert (folder / "r.csv").read_text() == "slide\nsynthetic:figures\n"


def test_quiet_prints_one_line(capsys, asked):
    assert cli.run(["batch", "synthetic:figures", "--out", "r.jsonl", "-q"]) == 0
    captured = capsys.readouterr()
    assert captured.out.startswith("1 slide: 1 ok")
    assert (captured.out.count("\n"), captured.err) == (1, "")


def test_a_failed_slide_is_exit_code_3(capsys, asked):
    assert cli.run(["batch", "synthetic:figures", "synthetic:bad", "--out", "r.jsonl"]) == 3
    assert "| synthetic:bad | slide | it is bad |" in capsys.readouterr().out


def test_ctrl_c_says_what_is_kept_and_is_exit_code_130(capsys, asked):
    assert cli.run(["batch", "synthetic:figures", "--out", "r.jsonl", "--seed", "130"]) == 130
    said = capsys.readouterr().err
    assert "0 of 1 slides have a row in r.jsonl; continue with --resume" in said


def test_slides_come_from_stdin(asked, monkeypatch, folder):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a.svs\nb.svs\n")))
    assert cli.run(["batch", "-", "--out", "r.jsonl"]) == 0
    assert [x.path for x in asked[0].entries] == [str(folder / "a.svs"), str(folder / "b.svs")]


def test_the_summary_is_made_again_from_the_rows_alone(capsys, asked, folder):
    cli.run(["batch", "synthetic:figures", "synthetic:bad", "--out", "r.jsonl"])
    first = capsys.readouterr().out
    (folder / "r.summary.html").unlink()
    assert cli.run(["batch", "--out", "r.jsonl", "--summary"]) == 0
    assert capsys.readouterr().out == first
    assert (folder / "r.summary.html").exists()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("a.svs",), "Missing option '--out'"),
        (("--out", "r.jsonl"), "no slide was given"),
        (("gone.svs", "--out", "r.jsonl"), "there is no file or folder 'gone.svs'"),
        (
            ("synthetic:figures", "--out", "r.txt"),
            "--out must end in .jsonl, .parquet or, on the command line, .csv; got r.txt",
        ),
        (("synthetic:figures", "--out", "no/r.jsonl"), "cannot write no/r.jsonl: no folder"),
        (("synthetic:figures", "--out", "no/r.parquet"), "cannot write no/r.parquet: no folder"),
        (("synthetic:figures", "--out", "r.jsonl", "--workers", "0"), "at least 1 worker"),
        (
            ("a.svs", "--out", "r.jsonl", "--workers", "2", "--scheduler", "tcp://h:1"),
            "--scheduler has workers of its own; leave one of them out",
        ),
        (("synthetic:figures", "--out", "r.jsonl", "--memory", "0"), "must be above 0 GiB, got 0"),
        (
            ("synthetic:figures", "--out", "r.jsonl", "--minutes", "0"),
            "must be above 0 minutes, got 0",
        ),
        (("synthetic:figures", "--out", "r.jsonl", "--scales", "4"), "--scales must be LO:HI"),
        (("synthetic:figures", "--out", "r.jsonl", "--estimator", "x"), "unknown estimator 'x'"),
        (
            ("--out", "r.jsonl", "--summary"),
            "r.jsonl does not exist; give the --out of an earlier batch",
        ),
        (("synthetic:figures", "--out", "r.jsonl", "--summary"), "leave the slides out"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence_and_nothing_is_written(
    capsys, folder, words, says
):
    assert says in refused(capsys, *words)
    assert list(folder.iterdir()) == []


def test_rows_that_are_there_are_refused_before_any_work(capsys, asked, folder, monkeypatch):
    cli.run(["batch", "synthetic:figures", "--out", "r.jsonl"])
    monkeypatch.undo()
    monkeypatch.chdir(folder)
    capsys.readouterr()
    said = refused(capsys, "synthetic:figures", "--out", "r.jsonl")
    assert "already exists; add --resume" in said


def test_without_dask_or_pyarrow_one_sentence_says_what_to_install(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    words = ("synthetic:figures", "--out")
    assert "pip install 'wsi-scale[batch]'" in refused(capsys, *words, "r.parquet")
    said = refused(capsys, *words, "r.jsonl", "--scheduler", "tcp://127.0.0.1:1")
    assert "--scheduler needs Dask: pip install 'wsi-scale[batch]'" in said


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("host", "at host (missing port number in address 'host')"),
        ("no://host:1", "at no://host:1 (unknown address scheme"),
        ("tls://127.0.0.1:1", "at tls://127.0.0.1:1 (TLS expects a `ssl_context` argument"),
    ],
)
def test_what_is_no_scheduler_is_told_and_leaves_no_client_to_be_waited_for(
    capsys, folder, address, says
):
    before = set(threading.enumerate())
    words = ("synthetic:figures", "--out", "r.jsonl", "--scheduler", address)
    assert f"there is no scheduler {says}" in refused(capsys, *words)
    assert set(threading.enumerate()) <= before
    assert list(folder.iterdir()) == []


def test_dask_says_nothing_of_lost_connections_itself(capsys):
    refused(capsys, "synthetic:figures", "--out", "r.jsonl", "--scheduler", "host")
    for name in ("distributed.client", "distributed.utils", "distributed.comm.tcp"):
        assert not logging.getLogger(name).isEnabledFor(logging.ERROR)


def test_a_network_that_is_not_there_leaves_nothing_behind(capsys, folder):
    said = refused(capsys, "synthetic:figures", "--out", "r.jsonl", "--network", "nowhere")
    assert "nowhere" in said
    assert list(folder.iterdir()) == []


@pytest.fixture
def one_thread():
    """A batch computes with one thread; more of them change the last digits."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.usefixtures("one_thread")
def test_rows_hold_the_reports_that_estimate_gives(capsys, folder):
    slide = "synthetic:figures?seed=1&stretch=0.5&width=600&height=500"
    words = ["batch", slide, "synthetic:nothing", "--out", "r.parquet", "--workers", "1", *CHEAP]
    assert cli.run(words) == 3
    good, bad = sorted(open_store(folder / "r.parquet").rows(), key=lambda x: x["error"] or "")
    settings = make_settings(sites=3, scales=(1, 4), per_octave=2)
    report, expected = unflatten(good), estimate_slide(slide, "figures", settings)
    same = {"provenance": expected.provenance}
    assert report.model_copy(update=same) == expected
    assert report.provenance.settings == json.loads(expected.to_json())["provenance"]["settings"]
    assert good["process.peak_mib"] >= good["process.rest_mib"] > 50
    assert bad["error"] == (
        "synthetic:nothing names no scene; use synthetic:figures or synthetic:tissue"
    )
    assert bad["scale"] is None


def start(*words):
    """The command as a user runs it, in a process of its own."""
    command = [sys.executable, "-m", "wsi_scale.cli", "batch", *words, *CHEAP]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def processes(parent=None):
    """Numbers of the running processes, all or those of one parent, without zombies."""
    words = ["ps", "-eo", "pid=,ppid=,stat="]
    found = subprocess.run(words, capture_output=True, text=True, check=True)
    lines = [line.split() for line in found.stdout.splitlines()]
    mine = [x for x in lines if parent in (None, int(x[1])) and "Z" not in x[2]]
    return {int(x[0]) for x in mine}


@pytest.mark.skipif(sys.platform == "win32", reason="signals are a POSIX matter")
@pytest.mark.parametrize(
    ("how", "code"), [(signal.SIGINT, 130), (getattr(signal, "SIGKILL", 9), -9)]
)
def test_a_run_that_is_stopped_keeps_its_rows_and_leaves_no_process(folder, how, code):
    slides = [f"synthetic:tissue?seed={seed}&width=600&height=500" for seed in range(40)]
    out = folder / "r.jsonl"
    with start(*slides, "--out", str(out), "--workers", "1") as run_:
        while not out.exists() or out.read_bytes().count(b"\n") < 2:
            assert run_.poll() is None, run_.stderr.read()
            time.sleep(0.05)
        children = processes(run_.pid)
        run_.send_signal(how)
        said = run_.communicate(timeout=60)[1].decode()
    assert run_.returncode == code
    done = {row["path"] for row in open_store(out).rows()}
    assert 2 <= len(done) < len(slides)
    if how == signal.SIGINT:
        assert f"{len(done)} of 40 slides have a row in {out}; continue with --resume" in said
    deadline = time.monotonic() + 20
    while processes() & children and time.monotonic() < deadline:
        time.sleep(0.1)
    assert children
    assert not processes() & children


def test_a_folder_with_a_lonely_mrxs_gets_a_failed_row_and_a_note_on_what_was_left_out(
    folder, cases, capsys
):
    slides = shutil.copytree(cases / "mixed", folder / "mixed")
    shutil.copy(cases / "lonely.mrxs", slides)
    assert cli.run(["batch", str(slides), "--out", "o.jsonl", *CHEAP, "--workers", "1"]) == 3
    shown = capsys.readouterr()
    assert "6 files in" in shown.err
    assert "1 .isyntax, 1 .kfb, 1 .lif, 1 .mds, 1 .sdpc, 1 .vsi" in shown.err
    rows = [json.loads(line) for line in (folder / "o.jsonl").read_text().splitlines()]
    said = {row["path"]: row["error"] for row in rows}
    assert set(said) == {str(slides / name) for name in ("lonely.mrxs", "read.jpg")}
    lonely = said[str(slides / "lonely.mrxs")]
    assert f"the folder {slides / 'lonely'} with the pixels is missing" in lonely
