"""The summary's numbers, by hand."""

import csv
import io

import pytest

from wsi_scale.thesis.answers import Found
from wsi_scale.thesis.comparison import cells, summary

ANSWERS = {"red cross": 3.0, "red ellipse": 1.5, "red triangle": None, "all": 1.5}


@pytest.fixture
def found():
    """One network trained at 1.5, one window, three classes and all together."""
    return [
        Found("figures-1.5-constant", 0.5, 9.9, "thesis", kind, answer, 0.5)
        for kind, answer in ANSWERS.items()
    ]


def rows_of(table):
    return list(csv.DictReader(io.StringIO(table.csv)))


def test_a_cell_counts_classes_and_tells_the_answer_of_all_together(found):
    (row,) = rows_of(cells(found))
    assert row["all_classes_together"] == "1.5"
    assert row["median_answer"] == "2.25"
    assert row["squared_deviation"] == "2.25"
    assert (row["within_0.5"], row["within_1"], row["no_number"]) == ("1", "1", "1")


def test_the_summary_counts_a_missing_answer_as_not_within(found):
    single, together = rows_of(summary(found))
    assert single["asked"] == "one class"
    assert float(single["median_octaves"]) == 0.5  # of 1 and 0
    assert float(single["within_1"]) == pytest.approx(1 / 3)
    assert (single["answers"], single["no_number"]) == ("3", "1")
    assert float(together["median_octaves"]) == 0


def test_windows_centred_on_the_answer_are_left_out(found):
    centred = Found("figures-5-constant", 0.5, 9.9, "thesis", "red cross", 5.0, 1.0)
    assert rows_of(summary([*found, centred])) == rows_of(summary(found))


def test_an_estimator_that_never_answers_has_no_error():
    silent = [Found("figures-8-decayed", 0.5, 9.9, "dsst", "red cross", None, None)]
    (row,) = rows_of(summary(silent))
    assert row["median_octaves"] == ""
    assert "| dsst | – |" in summary(silent).markdown
