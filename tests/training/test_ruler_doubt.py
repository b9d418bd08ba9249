"""What the ruler's doubt learns from errors whose law is known."""

import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
sys.path.insert(0, str(Path(__file__).parents[2]))

from training.ruler import doubt, table, traps

from wsi_scale.pixel_size.votes import CENTRES, Votes

OCTAVES = np.repeat(np.arange(0, 3.01, 0.2), 3)


def case(rng, source, number, wide):
    """Votes as wide as the error that their image has in common."""
    truth = rng.uniform(-2, 0)
    read = truth + OCTAVES + rng.laplace(0, wide)
    shares = -0.5 * ((CENTRES - read[:, None]) / (2 * wide)) ** 2
    shares -= np.log(np.exp(shares).sum(1, keepdims=True))
    line = {
        "source": source,
        "case": f"{number}",
        "file": f"{source}{number}",
        "side": 300,
        "nuclei": 200,
    }
    return doubt.Case(line | {"truth": truth, "sure": True}, Votes(shares, OCTAVES), source)


@pytest.fixture(scope="module")
def cases():
    rng = np.random.default_rng(0)
    wide = 0.02 * 2.0 ** rng.uniform(0, 4, 150)
    return [case(rng, f"lab {n % 3}", n, one) for n, one in enumerate(wide)]


def test_a_wider_vote_is_more_in_doubt_and_intervals_hold_what_they_say(cases):
    learnt = doubt.learn(cases)
    assert learnt.weights["spread"] > 0.3
    assert min(learnt.weights.values()) >= 0
    lines = doubt.shown(cases)
    held = np.mean([abs(line["error"]) <= line["half"] for line in lines])
    assert held == pytest.approx(0.9, abs=0.08)


def test_ok_means_right_on_a_fold_that_was_not_learnt_from(cases):
    lines = [line for line in doubt.shown(cases) if line["verdict"] == "ok"]
    away = np.array([abs(line["error"]) for line in lines])
    assert len(lines) > 30
    assert np.mean(away > np.log2(1.25)) < 0.12


def test_every_source_and_every_slide_of_it_counts_alike():
    rng = np.random.default_rng(1)
    three = [case(rng, "a", 1, 0.1), case(rng, "a", 1, 0.1), case(rng, "a", 2, 0.1)]
    weights = doubt.weights_of([*three, case(rng, "b", 1, 0.1)])
    assert weights == pytest.approx([1 / 8, 1 / 8, 1 / 4, 1 / 2])


def test_the_quantile_by_hand():
    values, even = np.array([3.0, 1, 2, 4]), np.ones(4)
    assert doubt.quantile(values, even, 0.5) == 2
    assert doubt.quantile(values, even, 0.98) == 4
    assert doubt.quantile(values, np.array([10.0, 1, 1, 1]), 0.5) == 3


def test_ok_ends_where_too_many_answers_are_wrong():
    doubts = np.arange(1.0, 101)
    away = np.where(doubts <= 60, 0.1, 0.5)  # right up to 60, then off by 1.41
    end = doubt.ok_end(doubts, away, np.full(100, 0.01))
    assert end == pytest.approx(63, abs=1.1)  # 3 of 63 are less than 5 %


def test_the_table_counts_what_is_in_the_lines():
    lines = [
        {"source": "a", "verdict": "ok", "truth": 0.0, "error": 0.1, "half": 0.2, "sure_half": 0.4},
        {"source": "a", "verdict": "ok", "truth": -1, "error": -0.5, "half": 0.2, "sure_half": 0.4},
        {"source": "b", "verdict": "blank", "truth": 0.0},
    ]
    told = "\n".join([*table.by_source(lines), *table.in_words(lines)])
    assert "| a | 2 | 0.30 | -0.20 | 50% | 100% | 100% | 50% | 50% | 0.20 |" in told
    assert "2 of 3 cases are `ok`; of those are off: 50% by more than 1.25 ×" in told
    assert "| b | 1 | – |" in told
    assert "the worst by 1.41 ×" in told


def test_every_kind_of_trap_is_a_picture():
    for name, picture in traps.drawings():
        assert picture.dtype == np.uint8, name
        assert picture.shape[2] == 3
    purple = traps.printed(np.linspace(0, 255, 300).reshape(10, 10, 3).astype(np.uint8))
    assert np.abs(purple[0, 0].astype(int) - traps.PURPLE).max() <= 2
