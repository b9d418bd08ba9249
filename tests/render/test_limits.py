"""What part of a curve is shown."""

import pytest

from wsi_scale.render.limits import scale_limits, score_limits

SCALES, SCORE = (1.0, 2.0, 4.0), (0.0, 1.0, 0.0)


def test_the_peak_and_a_little_room_are_shown():
    """From 0 to 1; 0.16 of that below it, 0.2 above."""
    assert score_limits(SCALES, SCORE) == pytest.approx((-0.16, 1.2))


def test_the_band_is_shown_too():
    assert score_limits(SCALES, SCORE, (0.1, 1.5, None)) == pytest.approx((-0.24, 1.8))


def test_a_wild_band_does_not_flatten_the_curve():
    assert score_limits(SCALES, SCORE, (0.1, 90.0, 0.2)) == pytest.approx((-0.32, 2.4))


def test_nothing_measured_has_limits_too():
    low, high = score_limits(SCALES, (None, None, None), (None, None, None))
    assert low < high


def test_the_axis_holds_the_whole_interval(make_report):
    low, high = scale_limits(make_report(scale_interval=(0.01, 90.0)))
    assert low < 0.01
    assert high > 90.0
