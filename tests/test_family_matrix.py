"""The matrix of families: a few are asked here; the page shows what the script wrote."""

import importlib.util
import json
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def matrix():
    path = ROOT / "benchmarks" / "family_matrix.py"
    spec = importlib.util.spec_from_file_location("family_matrix", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def picture(matrix):
    return matrix.draw()


@pytest.mark.parametrize(
    ("family", "task", "batchnorms"),
    [("MobileNet v3", "classify", 34), ("YOLO", "detect", 11)],
)
def test_a_family_with_batchnorm_finds_the_scale_of_its_statistics(
    matrix, picture, family, task, batchnorms
):
    row = matrix.ask(matrix.FAMILIES[family], picture)
    assert (row["task"], row["batchnorms"], row["estimator"]) == (task, batchnorms, "fingerprint")
    assert row["scale"] == pytest.approx(matrix.TRUTH, rel=0.3)


def test_a_family_without_batchnorm_gets_a_verdict_that_says_what_would_help(matrix, picture):
    row = matrix.ask(matrix.FAMILIES["ViT without a head"], picture)
    assert (row["task"], row["batchnorms"]) == ("features", 0)
    assert (row["verdict"], row["estimator"]) == ("no_evidence", "none")
    assert "wsi-scale calibrate" in row["reason"]


def test_the_page_shows_every_family_as_it_was_measured(matrix):
    rows = json.loads(matrix.ROWS.read_text(encoding="utf-8"))
    assert {name: row["spec"] for name, row in rows.items()} == matrix.FAMILIES
    assert matrix.faults(rows) == []
    assert matrix.table(rows) in matrix.PAGE.read_text(encoding="utf-8")


def test_a_family_that_fails_or_is_not_heard_is_a_fault(matrix):
    good = {"layers": 4, "verdict": "ok"}
    rows = {"A": {"error": "boom"}, "B": {**good, "layers": 1}, "C": {**good, "verdict": ""}}
    told = ["A: boom", "B is not heard inside", "C got no verdict"]
    assert matrix.faults({**rows, "D": good}) == told
