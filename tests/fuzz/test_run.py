"""`make fuzz` counts every way a case can end, keeps the smallest input of each fault, goes on."""

import os
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import run
from one_case import run_case
from targets import Target


def target_that(read):
    return Target("planted", ".txt", lambda: [b"a"], read, text=True)


def fail(path):
    raise ZeroDivisionError


def spend(path):
    while time.process_time() < begun + 0.3:
        pass


begun = 0.0


def test_tracebacks_time_and_memory_are_faults(tmp_path, monkeypatch):
    global begun
    path = tmp_path / "case.txt"
    path.write_bytes(b"a")
    assert run_case(target_that(fail), path).signature.startswith("planted traceback: ZeroDiv")
    assert run_case(target_that(lambda _: None), path).kind == "read"
    monkeypatch.setattr("one_case.MOST_CPU_S", 0.1)
    begun = time.process_time()
    assert run_case(target_that(spend), path).kind == "cpu"
    monkeypatch.setattr("one_case.MOST_CPU_S", 10)
    monkeypatch.setattr("one_case.MOST_MIB", 50)
    if os.path.exists("/proc/self/status"):
        assert run_case(target_that(lambda _: bytearray(b"x") * (200 << 20)), path).kind == "memory"


def test_the_smallest_input_of_a_fault_is_kept_and_counts_go_on(tmp_path):
    target, fault = target_that(fail), {"signature": "planted traceback: X", "kind": "traceback"}
    store = run.Store(tmp_path)
    for data in (b"long input", b"short", b"longer again"):
        store.keep(target, data, fault | {"cpu_s": 0.5, "mib": 3.0})
    store.save()
    (smallest,) = tmp_path.glob("found/*/smallest.txt")
    assert smallest.read_bytes() == b"short"
    again = run.Store(tmp_path)
    assert again.of("planted")["cases"] == 3
    assert again.of("planted")["ended"] == {"traceback": 3}
    assert run.faults(again) == ["planted traceback: X"]


def test_the_death_of_a_child_is_counted_and_the_next_case_runs(tmp_path, monkeypatch):
    program = tmp_path / "child.py"
    program.write_text(
        "import json, os, sys\n"
        "for line in sys.stdin:\n"
        "    print(json.dumps({'may_die': False}), flush=True)\n"
        "    if 'bad' in line:\n"
        "        os.abort()\n"
        "    print(json.dumps({'kind': 'read', 'signature': ''}), flush=True)\n"
    )
    monkeypatch.setattr(run, "HERE", tmp_path)
    child = run.Child()
    try:
        assert child.run("planted", Path("bad"))["signature"] == "planted death: exit code -6"
        assert child.run("planted", Path("good"))["kind"] == "read"
    finally:
        child.close()


@pytest.mark.parametrize("name", ["found", "corpus"])
def test_nothing_is_kept_of_fine_cases_of_a_known_kind(tmp_path, name):
    store, fine = run.Store(tmp_path), {"kind": "read", "signature": "", "cpu_s": 0.0, "mib": 0.0}
    for data in (b"a", b"b", b"c"):
        store.keep(target_that(fail), data, fine)
    assert len(list(tmp_path.glob(f"{name}/*/*"))) == (1 if name == "corpus" else 0)
