"""Figures in the pages are those that the benchmarks wrote, to the digit."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"


def rows(path):
    """First cell -> other cells of every table row of a page."""
    lines = re.findall(r"^\| (.+) \|$", path.read_text(encoding="utf-8"), re.MULTILINE)
    cells = [[cell.strip() for cell in line.split("|")] for line in lines]
    return {first.strip("`"): rest for first, *rest in cells}


NAMES = {
    "fingerprint": "answer",
    "confidence": "confidence (voice)",
    "extrema": "extrema (voice)",
    "chance: window centre": "chance: window centre",
    "chance: noise responses": "chance: noise responses",
    "chance: random weights": "chance: random weights",
}


@pytest.mark.parametrize("name", NAMES)
def test_the_table_of_the_model_problem(name):
    measured = rows(RESULTS / "figures_accuracy.md")[NAMES[name]]
    told = rows(ROOT / "docs" / "estimators.md")[name]
    assert told[:3] == [cell.replace("%", " %") for cell in measured[:3]]


def test_the_headline_of_the_readme():
    measured = rows(RESULTS / "figures_accuracy.md")["answer"][0].split()[0]
    assert f"**{measured}**" in rows(ROOT / "README.md")["fingerprint` (the default)"][0]


def test_single_classes_and_tissue_are_told_as_they_were_measured():
    page = (ROOT / "docs" / "estimators.md").read_text(encoding="utf-8")
    single = rows(RESULTS / "figures_single_class.md")
    assert f"median error {float(single['answer'][0].split()[0]):.2f} octave" in page
    text = (RESULTS / "real_slides.md").read_text(encoding="utf-8")
    ours, plain = re.search(
        r"slides\): ([\d.]+) octave; of the plain match ([\d.]+)\.", text
    ).groups()
    assert f"{ours} octave, of the plain match {plain}." in page
