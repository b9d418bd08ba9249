"""A few dozen damaged inputs for every reader and parser, the same ones each time."""

import sys
import warnings
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import targets_networks
from mutate import damaged
from one_case import run_case
from targets import all_targets

from wsi_scale.slide.readers import _apart

CASES = 40
"""Of a target; slow ones get fewer. `make fuzz` has as many as one likes."""
TARGETS = all_targets()


@pytest.mark.parametrize("name", list(TARGETS))
def test_damaged_input_is_read_or_refused_in_one_sentence(name, tmp_path, monkeypatch):
    monkeypatch.setattr(_apart, "_alone", True)  # `make fuzz` has the processes that may die
    target = TARGETS[name]
    seeds, path = target.seeds(), tmp_path / f"case{target.ending}"
    for number in range(CASES // target.cost):
        path.write_bytes(damaged(seeds, number, name, text=target.text))
        if target.may_die(path):
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ending = run_case(target, path)
        assert not ending.is_fault, f"case {number}: {ending.signature}"


@pytest.mark.parametrize("name", list(TARGETS))
def test_the_undamaged_inputs_are_read(name, tmp_path):
    target = TARGETS[name]
    path = tmp_path / f"case{target.ending}"
    path.write_bytes(target.seeds()[0])
    if name != "list":  # its slides do not exist, which is found out later
        assert run_case(target, path).kind == "read"


def test_the_same_number_gives_the_same_damage_and_others_differ():
    seeds = [b"seed " * 30]
    first = [damaged(seeds, number, "x", text=False) for number in range(50)]
    assert first == [damaged(seeds, number, "x", text=False) for number in range(50)]
    assert len(set(first)) > 40
    assert seeds[0] not in first[:1]


def test_a_network_file_that_writes_is_a_fault(tmp_path, monkeypatch):
    target = TARGETS["safetensors"]
    path = tmp_path / "case.safetensors"
    path.write_bytes(target.seeds()[0])
    assert not run_case(target, path).is_fault
    monkeypatch.setattr(targets_networks, "load_network", lambda *_, **__: Path("x").touch())
    assert "WrittenError" in run_case(target, path).signature
