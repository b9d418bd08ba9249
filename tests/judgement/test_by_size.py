"""Which answer is taken where a network's µm/px is known: its own, or that of the ruler."""

from dataclasses import replace

import numpy as np
import pytest

from wsi_scale.geometry import ScaleGrid, Site
from wsi_scale.judgement.by_size import RULER, ScaleBySize, beside_size, follow_size
from wsi_scale.judgement.estimate import blank_estimate
from wsi_scale.judgement.repeats import say_repeats

GRID = ScaleGrid((0.5, 1.0, 2.0, 4.0))


def own(verdict, scale=None, **more):
    empty = blank_estimate(GRID, 0.9, "")
    values = {
        "estimator": "fingerprint",
        "verdict": verdict,
        "scale": scale,
        "interval": None if scale is None else (scale / 1.1, scale * 1.1),
        "reason": "of its own",
        "sites": (Site(1, 1),),
        "site_scales": (scale,),
        "voices": {"fingerprint": scale},
        "score": np.array([0.0, 1.0, 3.0, 2.0]),
    }
    return replace(empty, **(values | more))


def route(scale, interval=None, verdict="ok"):
    return ScaleBySize(scale, interval, verdict, "one over the other")


def test_an_answer_of_its_own_that_is_ok_and_fits_the_tissue_is_kept():
    answer = follow_size(own("ok", 2.0), route(1.8, (1.4, 2.3), "ambiguous"))
    assert (answer.estimator, answer.scale, answer.verdict) == ("fingerprint", 2.0, "ok")
    assert answer.voices == {"fingerprint": 2.0, RULER: 1.8}


@pytest.mark.parametrize("interval", [(0.8, 1.2), None])
def test_an_ok_that_the_tissue_contradicts_is_no_longer_ok(interval):
    answer = follow_size(own("ok", 2.0), route(1.0, interval, "ambiguous"))
    assert answer.verdict == "ambiguous"
    assert [scale for scale, _ in answer.candidates] == [2.0, 1.0]
    assert [score for _, score in answer.candidates] == [3.0, 1.0]
    assert "fingerprint: 2" in answer.reason
    assert "ruler: 1" in answer.reason


@pytest.mark.parametrize(
    ("verdict", "scale", "interval", "ok"),
    [
        ("ambiguous", 2.0, (1.6, 2.5), False),  # an octave away, and excluded
        ("ambiguous", 2.0, (0.9, 4.0), True),  # not excluded
        ("ambiguous", 1.4, (1.2, 1.7), True),  # less than 0.6 octave away
        ("outside", 2.0, (1.6, 2.5), True),  # what it says of such a slide means nothing
        ("no_evidence", None, None, True),
    ],
)
def test_a_network_that_speaks_against_a_known_size_takes_its_ok(verdict, scale, interval, ok):
    """As it does where its µm/px was told wrong: both sizes may agree, and the scale be wrong."""
    said = own(verdict, scale, interval=interval)
    answer = follow_size(said, route(1.0, (0.8, 1.2)))
    assert (answer.estimator, answer.scale) == (RULER, 1.0)
    assert answer.verdict == ("ok" if ok else "ambiguous")
    if not ok:
        assert "fingerprint: 2" in answer.reason
        assert "2.00 times away" in answer.reason
        assert [scale for scale, _ in answer.candidates] == [1.0, 2.0]
        assert not any("own answer" in warning for warning in answer.warnings)
    assert follow_size(said, route(1.0, (0.8, 1.2)), named=True).verdict == answer.verdict
    among = replace(said, candidates=((2.0, 1.0), (1.05, 0.9)))  # its own second choice
    assert follow_size(among, route(1.0, (0.8, 1.2))).verdict == "ok"


def test_an_estimator_that_was_named_is_followed_but_not_ok_against_the_tissue():
    kept = beside_size(own("ok", 2.0), route(1.0, (0.8, 1.2)))
    assert (kept.scale, kept.estimator, kept.verdict) == (2.0, "fingerprint", "ambiguous")
    assert beside_size(own("ok", 2.0), route(1.9, (1.6, 2.4))).verdict == "ok"
    assert beside_size(own("ok", 2.0), None).verdict == "ok"


@pytest.mark.parametrize("verdict", ["ambiguous", "outside", "edge", "flat", "no_evidence"])
def test_where_the_network_is_not_sure_the_known_size_answers(verdict):
    answer = follow_size(own(verdict, 3.0), route(2.0, (1.6, 2.5), "ambiguous"))
    assert (answer.estimator, answer.scale) == (RULER, 2.0)
    assert answer.interval == (1.6, 2.5)
    assert answer.site_scales == (None,)
    (warning,) = answer.warnings
    silent = verdict == "no_evidence"
    says = "speaks for this scale or against it: of its own" if silent else f"is {verdict}: of its"
    assert says in warning


def test_sites_that_repeat_each_other_do_not_matter_where_the_ruler_answers():
    (repeats,) = say_repeats(np.array([0, 0, 1]))
    unsure = own("ambiguous", 3.0, warnings=(repeats, "another"))
    answer = follow_size(unsure, route(2.0, (1.6, 2.5), "ambiguous"))
    assert answer.estimator == RULER
    assert repeats not in answer.warnings
    assert "another" in answer.warnings


def test_tissue_that_the_ruler_cannot_read_does_not_overrule_a_number_of_the_network():
    assert follow_size(own("ambiguous", 3.0), route(2.0, None, "outside")).scale == 3.0
    assert follow_size(own("ok", 3.0), route(2.0, None, "edge")).verdict == "ok"


def test_metadata_that_no_tissue_confirms_do_not_contradict_the_network():
    alone = replace(route(1.0, None, "ambiguous"), by_tissue=False)
    answer = follow_size(own("ok", 2.0), alone)
    assert (answer.scale, answer.verdict) == (2.0, "ok")
    assert follow_size(own("outside", 2.0), alone).scale == 2.0
    assert follow_size(own("no_evidence"), alone).scale == 1.0


def test_without_a_number_of_its_own_even_a_doubtful_size_is_told():
    answer = follow_size(own("no_evidence"), route(2.0, None, "outside"))
    assert (answer.estimator, answer.scale, answer.verdict) == (RULER, 2.0, "outside")


def test_a_ruler_that_was_named_is_followed_and_a_blank_slide_stays_blank():
    assert follow_size(own("ok", 2.0), route(1.9), named=True).estimator == RULER
    assert follow_size(own("blank"), route(1.9), named=True).verdict == "blank"
    assert follow_size(own("ok", 2.0), None).voices == {"fingerprint": 2.0}


def test_a_less_sure_answer_that_says_the_same_is_no_warning():
    sure, wide = route(2.0, (1.4, 2.9)), {"interval": (1.6, 3.0)}
    assert follow_size(own("ambiguous", 2.2, **wide), sure).warnings == ()
    for else_ in (
        own("ambiguous", 2.7, **wide),  # more than a quarter away, though within the interval
        own("ambiguous", 2.2, interval=(2.1, 2.3)),  # sure of something else
        own("ambiguous", 2.2, **wide, candidates=((2.2, 1.0), (0.7, 0.9))),  # two hills
        own("outside", 2.2, **wide),
    ):
        assert len(follow_size(else_, sure).warnings) == 1
