"""The arithmetic of the tables, by hand."""

import math

import pytest

from wsi_scale.known_scale.evaluate.ask_estimators import (
    CENTRE,
    RANDOM,
    SHUFFLED,
    BenchAnswer,
    BenchQuestion,
    Said,
)
from wsi_scale.known_scale.evaluate.bench import Measured
from wsi_scale.known_scale.evaluate.manifest import Row
from wsi_scale.known_scale.evaluate.scores import label, measures, summary, table_of_answers, times
from wsi_scale.known_scale.evaluate.windows import ScaleWindow

FINGERPRINT = BenchQuestion("fingerprint")


def found(says, interval=None, verdict="ok", slide="a", group="", question=FINGERPRINT, **row):
    """One answer where the truth is 2."""
    has_number = verdict not in ("flat", "no_evidence", "unavailable")
    kept = row.pop("kept", None)
    known = Row(line=2, slide=slide, group=group, scale=2, **row)
    voice = Said(question.estimator, says, interval, verdict, has_number, 0.5)
    return BenchAnswer(known, 2.0, ScaleWindow(0.5, 4), question, voice, kept, 10)


def test_errors_are_in_octaves_whichever_side():
    assert found(4.0).octaves == 1
    assert found(1.0).octaves == 1
    assert math.isnan(found(None).octaves)


def test_an_interval_holds_the_truth_at_its_ends_too():
    assert found(2, (2.0, 3.0)).holds
    assert found(2, (1.0, 2.0)).holds
    assert not found(3, (2.1, 4.0)).holds
    assert found(2).holds is None
    assert found(3, (2.0, 4.0)).width == 1


def test_every_measure_by_hand():
    answers = [
        found(2.0, (1.0, 4.0), slide="a"),  # right; width 2, holds
        found(2.2, (2.1, 2.1 * 2), slide="a"),  # 10 % off: still within; width 1, does not hold
        found(4.0, (2.0, 4.0), "outside", slide="b"),  # an octave off; width 1, holds
        found(1.0, None, "no_evidence", slide="c"),  # an octave off, no number by verdict
        found(None, None, "flat", slide="c"),  # missing
    ]
    values = measures(answers)
    tenth = math.log2(1.1)
    assert values["slides"] == values["groups"] == 3
    assert (values["answers"], values["silent"]) == (5, 1)
    assert values["median_octaves"] == pytest.approx((tenth + 1) / 2)
    assert values["within_10_percent"] == pytest.approx(2 / 5)
    assert values["within_25_percent"] == pytest.approx(2 / 5)
    assert values["no_number"] == pytest.approx(2 / 5)
    assert values["not_ok"] == pytest.approx(3 / 5)
    assert values["ok_answers"] == 2
    assert values["ok_median_octaves"] == pytest.approx(tenth / 2)
    assert values["interval_coverage"] == pytest.approx(2 / 3)
    assert values["interval_octaves"] == 1
    assert values["patches"] == 10


def test_the_interval_draws_groups_not_answers():
    """Nine right answers of one group and nine wrong ones of another: all or nothing."""
    apart = [found(2.0 + 2 * (i % 2), slide=str(i)) for i in range(18)]
    together = [found(2.0 + 2 * (i % 2), slide=str(i), group=str(i % 2)) for i in range(18)]
    by_slide, by_group = measures(apart), measures(together)
    assert (by_slide["groups"], by_group["groups"]) == (18, 2)
    assert by_slide["median_octaves"] == by_group["median_octaves"] == 0.5
    assert (by_group["low"], by_group["high"]) == (0, 1)


def test_one_group_has_no_interval():
    values = measures([found(2, slide="a"), found(4, slide="a")])
    assert values["median_octaves"] == 0.5
    assert values["low"] is values["high"] is None


def test_what_is_kept_is_told_apart_by_accuracy_and_dice():
    values = measures(
        [
            found(2, kept=0.5, slide="a", kind="x"),
            found(2, kept=1.0, slide="b", kind="x"),
            found(2, kept=0.25, slide="c", mask="m.png"),
            found(2, slide="d"),
        ]
    )
    assert (values["kept_accuracy"], values["kept_dice"]) == (0.75, 0.25)


def test_an_estimator_that_never_answers_has_a_row_without_numbers():
    values = measures([found(None, None, "unavailable")])
    assert values["silent"] == 1
    assert values["median_octaves"] is values["low"] is values["interval_coverage"] is None
    table = summary([found(None, None, "unavailable")], ["a note"])
    assert "| fingerprint | 1 | – | 0% | 0% | 100% | 100% | – | – | – | – | – | 10 |" in (
        table.markdown
    )
    assert table.markdown.endswith("\na note\n")


def test_the_middle_of_the_window_is_not_judged():
    values = measures([found(1.4, verdict="", question=BenchQuestion(CENTRE, {}, "none"))])
    assert values["no_number"] is values["not_ok"] is values["ok_answers"] is None


def test_rows_are_named_as_people_say_them():
    assert label(BenchQuestion("extrema", {"sigma": 7.0})) == "extrema, sigma=7"
    assert label(BenchQuestion("auto", {}, SHUFFLED)) == "chance: auto on shuffled responses"
    assert label(BenchQuestion("auto", {}, RANDOM)) == "chance: auto on random weights"
    assert label(BenchQuestion(CENTRE, {}, "none")) == "chance: window centre"


def test_every_answer_stands_in_the_table_with_empty_cells_for_what_is_not_known():
    table = table_of_answers([found(4.0, (2.0, 8.0), "outside"), found(None, None, "flat")])
    first, second = table.csv.splitlines()[1:]
    assert first == "a,a,2.0,0.5,4,fingerprint,,measured,fingerprint,4.0,2.0,8.0,outside,1.0,,10"
    assert second == "a,a,2.0,0.5,4,fingerprint,,measured,fingerprint,,,,flat,,,10"


def test_time_is_that_of_the_network_asked():
    by_chance = BenchQuestion("fingerprint", {}, RANDOM)
    answers = [found(2), found(2, question=by_chance)]
    measured = {"a": Measured(slide="a", truth=2, seconds=7, random_seconds=5)}
    rows = times(answers, measured).rows
    assert [row[3:] for row in rows] == [(7, 0.5), (5, 0.5)]
