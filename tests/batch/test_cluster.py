"""A scheduler and workers started by hand give the rows of one machine, also if killed."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SETTINGS = [
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
SLIDES = [
    *(f"synthetic:figures?seed={seed}&stretch=0.5&width=600&height=500" for seed in (1, 2)),
    "synthetic:nothing",
]


@pytest.fixture
def cluster(tmp_path):
    """Address of a scheduler with two workers, started as docs/batch.md says."""
    logs = (tmp_path / "log").open("wb")
    place = tmp_path / "scheduler.json"
    dask = [sys.executable, "-m", "dask"]
    where = ["--scheduler-file", str(place), "--no-dashboard"]
    begun = [
        subprocess.Popen([*dask, *words, *where], stdout=logs, stderr=logs, cwd=tmp_path)
        for words in (
            ["scheduler", "--host", "127.0.0.1", "--port", "0"],
            ["worker", "--nthreads", "1"],
            ["worker", "--nthreads", "1"],
        )
    ]
    for _ in range(600):
        if place.exists() and place.read_text().strip():
            break
        with pytest.raises(subprocess.TimeoutExpired):
            begun[0].wait(0.1)
    yield json.loads(place.read_text())["address"]
    for process in reversed(begun):
        process.terminate()
    for process in begun:
        process.wait(30)
    logs.close()


def batch(folder, out, *words):
    command = [sys.executable, "-m", "wsi_scale.cli", "batch", *SLIDES, "--out", out, *SETTINGS]
    done = subprocess.run([*command, *words], cwd=folder, capture_output=True, timeout=200)
    assert done.returncode == 3, done.stderr.decode()
    rows = [json.loads(line) for line in (folder / out).read_text().splitlines()]
    assert all(row["process.host"] for row in rows)
    own = ("process.", "provenance.seconds")
    return sorted(
        ({key: x for key, x in row.items() if not key.startswith(own)} for row in rows),
        key=lambda row: row["path"],
    )


def test_two_workers_started_by_hand_give_the_rows_of_one_machine(cluster, tmp_path):
    here = batch(tmp_path, "here.jsonl", "--workers", "1")
    there = batch(tmp_path, "there.jsonl", "--scheduler", cluster)
    assert [row["path"] for row in here] == sorted(SLIDES)
    assert there == here


@pytest.mark.timeout(600)
def test_slides_through_a_cluster_that_is_shot_at_have_one_row_each():
    """The benchmark on few slides. It checks every row and reason itself."""
    script = ROOT / "benchmarks" / "batch_faults.py"
    words = ["--slides", "16", "--every", "5", "--check", "--quick", "--kind", "parquet"]
    done = subprocess.run([sys.executable, script, *words], capture_output=True, timeout=590)
    assert done.returncode == 0, done.stdout.decode()[-3000:]
    assert b"killed and back after" in done.stdout


def test_the_benchmark_sees_memory_that_grows(row_of):
    place = ROOT / "benchmarks" / "batch_faults.py"
    spec = importlib.util.spec_from_file_location("batch_faults", place)
    faults = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(faults)
    flat = [row_of(str(i), "", **{"process.rest_mib": 300.0 + i % 3}) for i in range(40)]
    grows = [row | {"process.rest_mib": 300.0 + 2 * i} for i, row in enumerate(flat)]
    made = {row["path"]: ("", "png") for row in flat}
    assert faults.check(flat, made) == []
    assert faults.check(grows, made) == ["memory grew from 309 to 369 MiB"]
