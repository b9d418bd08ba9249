"""Magnification is a range of pixel sizes, and µm/px a range of magnifications."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsi_scale.slide.resolution import NOMINAL, like_power, power_note, usual_mpp


def test_20x_spans_0_23_to_0_55_micrometres():
    assert usual_mpp(20) == pytest.approx((0.23, 0.55))
    assert usual_mpp(40) == pytest.approx((0.115, 0.275))


@pytest.mark.parametrize(
    ("mpp", "powers"),
    [
        (0.5, (10, 20)),  # 9.2 to 22
        (0.25, (20, 40)),  # 18.4 to 44
        (0.35, (20, 20)),  # 13.1 to 31.4
        (0.55, (10, 20)),  # 8.4 to 20, the end included
        (0.56, (10, 10)),
        (1.0, (5, 10)),  # 4.6 to 11
        (0.1, (60, 100)),  # 46 to 110
        (8.8, (1.25, 1.25)),
        (9.0, None),
        (0.04, None),
    ],
)
def test_nominal_objectives_that_lie_in_the_range_are_named(mpp, powers):
    assert like_power(mpp) == powers


@given(st.floats(0.046, 8.8))
def test_every_pixel_size_in_between_is_like_some_objective(mpp):
    weakest, strongest = like_power(mpp)
    assert {weakest, strongest} <= set(NOMINAL)
    for power in (weakest, strongest):
        low, high = usual_mpp(power)
        assert low * 0.999 <= mpp <= high * 1.001


def test_a_magnification_that_excludes_the_stated_mpp_says_what_it_usually_means():
    assert "40× usually means 0.115–0.275 µm/px, not 0.5: " in power_note(40, (0.5, 0.5))
    plain = "magnification, not a resolution"
    assert power_note(20, (0.5, 0.5)) == power_note(None, (0.5, 0.5)) == power_note(40, None)
    assert power_note(20, (0.5, 0.5)) == plain
