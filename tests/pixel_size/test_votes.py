"""Votes on patches, made into one reading: hand-made votes whose right answer is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsi_scale.pixel_size.votes import (
    CENTRES,
    GUESSES,
    TAUGHT,
    TRUSTED,
    Votes,
    fuse,
    medians,
    middle,
    read_votes,
    trusted,
)


def test_the_median_of_a_vote_by_hand():
    shares = np.log(np.full((1, len(CENTRES)), 1e-12))
    shares[0, 10] = np.log(1.0)
    assert medians(shares) == pytest.approx([CENTRES[10]])


@given(st.floats(-3.3, 1.9))
def test_votes_that_are_right_are_taken_at_their_word(votes, truth):
    reading = read_votes(votes(truth))
    assert reading.octaves == pytest.approx(truth, abs=0.06)
    assert reading.spread < 0.2
    assert reading.slope is None or reading.slope == pytest.approx(1, abs=0.12)
    last = TAUGHT[1] - 0.3 - 1  # coarser, and no octave is left below what was taught
    if abs(truth - last) > 0.05:  # nearer, the reading may lie on either side
        assert (reading.slope is None) == (truth > last)


@given(st.floats(-2.5, 1.0), st.floats(0.5, 1.5))
def test_only_patches_of_the_size_that_is_known_best_count(votes, truth, shift):
    """Fine patches misread by an octave do not move the answer."""
    right = votes(truth)
    fine = truth + right.octaves < TRUSTED[0]
    wrong = Votes(votes(truth, off=shift).shares, right.octaves)
    mixed = np.where(fine[:, None], wrong.shares, right.shares)
    reading = read_votes(Votes(mixed, right.octaves))
    assert reading.octaves == pytest.approx(truth, abs=0.15)


def test_a_few_votes_that_are_plainly_wrong_change_little(votes):
    right, wrong = votes(-1.0), votes(-1.0, off=1.5)
    shares = right.shares.copy()
    shares[::6] = wrong.shares[::6]
    assert read_votes(Votes(shares, right.octaves)).octaves == pytest.approx(-1, abs=0.1)


def test_a_network_that_reads_no_size_has_no_slope(votes):
    assert read_votes(votes(-1.0, slope=0.0)).slope == pytest.approx(0, abs=0.1)


def test_votes_of_nothing_are_no_reading(votes):
    nothing = Votes(np.zeros((0, len(CENTRES))), np.zeros(0))
    assert read_votes(nothing) is None
    flat = Votes(np.full((8, len(CENTRES)), -np.log(len(CENTRES))), np.zeros(8))
    assert read_votes(flat).spread > 1


def test_a_slide_that_does_not_reach_the_known_size_is_asked_where_it_comes_nearest(votes):
    coarse = votes(1.5)
    kept = trusted(coarse, 1.5)
    assert set(coarse.octaves[kept].round(2)) == {0.0, 0.2}


@given(st.floats(-4, 2))
def test_shares_sum_to_one_and_the_middle_lies_among_the_guesses(votes, truth):
    shares = fuse(votes(truth))
    assert shares.sum() == pytest.approx(1)
    assert GUESSES[0] <= middle(shares) <= GUESSES[-1]
