"""From a reading to interval and verdict, with a doubt whose every number is known."""

import numpy as np
import pytest

from wsi_scale.pixel_size.judge import Doubt, features, judge, known_doubt
from wsi_scale.pixel_size.votes import Votes, read_votes

EVEN = Doubt(
    constant=np.log(0.1),
    weights=dict.fromkeys(("spread", "scatter", "moved", "crooked", "few", "bare"), 0.0),
    half={"0.9": 2.0, "0.98": 3.0},
    ok_below=0.15,
)
"""Every reading is in doubt by 0.1 octave."""


def test_the_interval_is_as_wide_as_the_doubt_says(votes):
    size = judge(votes(-1.0), nuclei=200, doubt=EVEN)
    assert size.verdict == "ok"
    assert size.mpp == pytest.approx(0.5, rel=0.05)
    assert np.log2(size.interval[1] / size.interval[0]) == pytest.approx(0.4)
    assert np.log2(size.surely[1] / size.surely[0]) == pytest.approx(0.6)
    assert size.patches == len(votes(0.0).octaves)


def test_more_doubt_is_ambiguous_and_wider(votes):
    more = EVEN.model_copy(update={"constant": np.log(0.2)})
    size = judge(votes(-1.0), nuclei=200, doubt=more)
    assert (size.verdict, "more than 1.32 times" in size.reason) == ("ambiguous", True)
    assert np.log2(size.interval[1] / size.interval[0]) == pytest.approx(0.8)


def test_readings_that_do_not_follow_the_scale_are_not_of_tissue(votes):
    size = judge(votes(-1.0, slope=0.2), nuclei=200, doubt=EVEN)
    assert size.verdict == "outside"
    assert "unlike tissue" in size.reason


@pytest.mark.parametrize(
    ("truth", "word"), [(-4.2, "below 0.1"), (2.05, "above 4"), (2.4, "coarser")]
)
def test_beyond_what_can_be_measured_is_an_edge(votes, truth, word):
    size = judge(votes(truth), nuclei=200, doubt=EVEN)
    assert size.verdict == "edge"
    assert word in size.reason


def test_patches_that_are_all_finer_than_what_was_taught_give_a_bound_and_accuse_nobody(votes):
    size = judge(votes(-2.35, octaves=np.zeros(16)), nuclei=0, doubt=EVEN)
    assert (size.verdict, size.interval, size.surely) == ("edge", None, None)
    assert "or finer: use a larger image" in size.reason


def test_without_an_octave_of_scales_nothing_shows_that_size_is_read(votes):
    size = judge(votes(0.0, octaves=np.repeat([0.0, 0.4], 8)), nuclei=200, doubt=EVEN)
    assert size.verdict == "ambiguous"
    assert "no room for an octave" in size.reason
    exactly = judge(votes(-1.0, octaves=np.repeat([0.4, 0.8, 1.4], 8)), nuclei=200, doubt=EVEN)
    assert exactly.verdict == "ok"  # 1.4 − 0.4 lies below 1 by its last bit


def test_no_room_to_look_for_nuclei_is_said_so(votes):
    size = judge(votes(-1.0), nuclei=None, doubt=EVEN)
    assert (size.verdict, size.surely) == ("ambiguous", None)
    assert "no room" in size.reason


def test_places_that_could_not_be_read_are_a_doubt(votes):
    size = judge(votes(-1.0), 200, ("9 of 16 places could not be read: tile 3",), EVEN)
    assert (size.verdict, "9 of 16" in size.reason) == ("ambiguous", True)


def test_few_patches_are_never_ok(votes):
    size = judge(votes(-1.0, octaves=np.array([0.0, 0.9, 1.0])), nuclei=200, doubt=EVEN)
    assert size.verdict == "ambiguous"
    assert "patches could be read" in size.reason


def test_tissue_without_nuclei_is_never_ok(votes):
    size = judge(votes(-1.0), nuclei=3, doubt=EVEN)
    assert size.verdict == "ambiguous"
    assert "about 3 nuclei were found at that size, 10 are needed" in size.reason


def test_a_brown_second_stain_is_refused_but_told(votes):
    size = judge(votes(-1.0), 200, ("the second stain looks like DAB (brown)",), EVEN)
    assert (size.verdict, size.mpp is None) == ("outside", False)


def test_the_reason_names_every_doubt(votes):
    size = judge(votes(2.2, slope=0.1), 200, ("looks like DAB",), EVEN)
    assert size.verdict == "outside"
    assert size.reason.count("; also, ") >= 1


def test_no_votes_are_blank(votes):
    nothing = Votes(votes(0.0).shares[:0], np.zeros(0))
    assert judge(nothing, nuclei=200, doubt=EVEN).verdict == "blank"


def test_the_doubt_that_comes_with_the_ruler_knows_every_feature_and_is_wider_at_98(votes):
    doubt = known_doubt()
    assert set(doubt.weights) <= set(features(read_votes(votes(0.0)), 30))
    assert doubt.half["0.98"] > doubt.half["0.9"] > 0
