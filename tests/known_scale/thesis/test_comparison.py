"""The summary's numbers, by hand."""

import csv
import io

import pytest

from wsi_scale.known_scale.thesis.answers import ThesisAnswer
from wsi_scale.known_scale.thesis.comparison import cells, summary

ANSWERS = {"red cross": 3.0, "red ellipse": 1.5, "red triangle": None, "all": 1.5}


@pytest.fixture
def found():
    """One network trained at 1.5, one window, three classes and all together."""
    return [
        ThesisAnswer("figures-1.5-constant", 0.5, 9.9, "thesis", kind, answer, 0.5)
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
    centred = ThesisAnswer("figures-5-constant", 0.5, 9.9, "thesis", "red cross", 5.0, 1.0)
    assert rows_of(summary([*found, centred])) == rows_of(summary(found))


def test_an_estimator_that_never_answers_has_no_error():
    silent = [ThesisAnswer("figures-8-decayed", 0.5, 9.9, "dsst", "red cross", None, None)]
    (row,) = rows_of(summary(silent))
    assert row["median_octaves"] == ""
    assert "| dsst | – |" in summary(silent).markdown


def test_shares_count_what_lies_within_their_limits():
    scales = {"red cross": 1.08, "red ellipse": 1.15, "red triangle": 1.3, "green cross": 1.0}
    answers = [
        ThesisAnswer("figures-8-decayed", 0.5, 9.9, "thesis", kind, 8.0 * k, 1.0)
        for kind, k in scales.items()
    ]
    (row,) = rows_of(summary(answers))
    assert float(row["within_10_percent"]) == 0.5
    assert float(row["within_25_percent"]) == 0.75
    assert float(row["within_1"]) == 0.5  # 0.64 and 0 off; not 1.2 and 2.4
    assert float(row["within_0.5"]) == 0.25


def test_wide_networks_are_left_out_and_random_weights_stand_beside_both_rates(found):
    wide = ThesisAnswer("figures-5-constant-wide", 0.5, 5.9, "thesis", "red cross", 5.0, 1.0)
    assert rows_of(summary([*found, wide])) == rows_of(summary(found))
    chance = ThesisAnswer(
        "random-1.5", 0.5, 9.9, "chance: x on random weights", "red cross", 3.0, None
    )
    rows = [x for x in rows_of(summary([*found, chance])) if x["estimator"] == chance.label]
    assert [x["trained"] for x in rows] == ["constant", "decayed"]
    assert all(x["kept_accuracy"] == "" for x in rows)


def test_the_interval_comes_from_drawing_whole_networks():
    """Two networks, 100 answers each, all 0 octaves off in one and 1 in the other: the median is 0,
    ½ or 1 as the networks are drawn; answers drawn singly would hardly leave ½."""
    answers = [
        ThesisAnswer(f"figures-{right:g}-decayed", 0.5, 9.9, "thesis", "red cross", answer, 1.0)
        for right, answer in ((1.5, 1.5), (8.0, 4.0))
        for _ in range(100)
    ]
    (row,) = rows_of(summary(answers))
    assert (row["median_octaves"], row["low"], row["high"]) == ("0.5", "0.0", "1.0")
