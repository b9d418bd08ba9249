"""The settings of a sweep."""

import pytest

from wsi_scale.errors import SettingsError
from wsi_scale.estimators import Options, all_estimators
from wsi_scale.known_scale.evaluate.sweep_options import in_words, options_of, parse_sweeps


def test_a_range_holds_both_ends():
    assert [x["sigma"] for _, x in parse_sweeps(["extrema.sigma=7:9"])] == [7, 8, 9]
    assert [x["sigma"] for _, x in parse_sweeps(["extrema.sigma=1:2:0.5"])] == [1, 1.5, 2]


def test_values_have_the_type_of_their_option():
    pairs = parse_sweeps(["extrema.keep_percent=40,60", "fingerprint.match_mixture=true,false"])
    assert pairs == [
        ("extrema", {"keep_percent": 40.0}),
        ("extrema", {"keep_percent": 60.0}),
        ("fingerprint", {"match_mixture": True}),
        ("fingerprint", {"match_mixture": False}),
    ]


def test_options_of_one_estimator_are_combined_as_in_the_thesis():
    pairs = parse_sweeps(["extrema.sigma=7:15", "extrema.keep_percent=40,50,60"])
    assert len(pairs) == 27
    assert in_words(pairs[0][1]) == "sigma=7 keep_percent=40"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("extrema.sigma", "takes KEY=VALUES, for example extrema.sigma=7:15"),
        ("sigma=7", "takes KEY=VALUES"),
        ("auto.sigma=7", "takes one estimator, not auto"),
        ("extrema.sigma=", "takes KEY=VALUES"),
        ("extreme.sigma=7", "unknown estimator 'extreme'"),
        ("extrema.match_mixture=1", "has no option 'match_mixture' to sweep; it has sigma"),
        ("confidence.sigma=7", "no option 'sigma' to sweep; it has none"),
        ("extrema.sigma=9:7", "a range is A:B or A:B:STEP and must rise"),
        ("extrema.sigma=1:2:0", "a range is A:B"),
        ("extrema.sigma=a:b", "a range is A:B"),
        ("extrema.sigma=1:1e9", "a range is A:B"),
        ("extrema.sigma=-1", "sigma must be greater than or equal to 0, got '-1'"),
        ("extrema.statistic=mode", "statistic .* got 'mode'"),
    ],
)
def test_what_cannot_be_swept_is_refused(text, says):
    with pytest.raises(SettingsError, match=says):
        parse_sweeps([text])


def test_what_a_bench_does_not_measure_cannot_be_swept():
    with pytest.raises(SettingsError, match="no option 'colour_freed' to sweep; it has match_mix"):
        parse_sweeps(["fingerprint.colour_freed=true,false"])


def test_an_option_is_swept_once():
    with pytest.raises(SettingsError, match=r"extrema\.sigma is given twice"):
        parse_sweeps(["extrema.sigma=7", "extrema.sigma=8"])


def test_every_option_belongs_to_an_estimator():
    declared = [name for one in all_estimators() for name in options_of(one)]
    assert sorted(declared) == sorted(
        set(Options.model_fields) - {"reference", "profile", "selective"}
    )
