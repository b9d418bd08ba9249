"""Three scales that always lie in the window, apart from each other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsi_scale.pipeline.explain.three_scales import nearest, three_scales


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (2.0, (1, 2, 4)),
        (0.5, (0.5, 1, 2)),  # no room below
        (16.0, (4, 8, 16)),  # no room above
        (12.0, (3, 6, 12)),  # 16 is too near
        (20.0, (4, 8, 16)),  # the site has no room for the answer
    ],
)
def test_half_and_twice_unless_there_is_no_room(answer, expected):
    assert three_scales(answer, 0.5, 16) == pytest.approx(expected)


@given(lo=st.floats(0.1, 4), octaves=st.floats(1, 6), place=st.floats(0, 1))
def test_they_rise_within_the_window_and_hold_the_answer(lo, octaves, place):
    hi = lo * 2**octaves
    answer = min(hi, max(lo, lo * 2 ** (octaves * place)))
    scales = three_scales(answer, lo, hi)
    assert answer in scales
    assert len(scales) == 3
    assert lo * (1 - 1e-9) <= scales[0] < scales[1] < scales[2] <= hi * (1 + 1e-9)


def test_without_an_answer_they_divide_the_window():
    assert three_scales(None, 1, 64) == pytest.approx((2, 8, 32))


def test_the_nearest_is_nearest_in_octaves():
    assert nearest((1.0, 2.0, 4.0), 2.9) == 2  # 2.9 / 2 is more than 4 / 2.9
