"""When more sites would change nothing."""

import numpy as np
import pytest

from wsi_scale.estimators.contract import Answer
from wsi_scale.judgement.enough_sites import is_settled
from wsi_scale.judgement.evidence import Evidence, Judgement

SCALES = np.array([1.0, 2.0, 4.0])
OK, UNSURE = Judgement("ok", ""), Judgement("ambiguous", "")


def evidence(error, spread, **more):
    """An answer of 2 whose error was measured; resampled answers lie ``spread`` octaves off."""
    errors = None if error is None else np.array([error] * 9)
    drawn = tuple(Answer(np.zeros(3), 2 ** (1 + sign * spread)) for sign in (-1, 1) * 20)
    return Evidence("profile", SCALES, Answer(np.zeros(3), 2.0, errors=errors, **more), drawn)


@pytest.mark.parametrize(
    ("error", "spread", "settled"),
    [
        (0.3, 0.09, True),  # below a third of 0.3
        (0.3, 0.11, False),
        (None, 0.0, False),  # never measured: only more sites can tell
    ],
)
def test_sites_that_differ_little_beside_the_measured_error_are_enough(error, spread, settled):
    assert is_settled(evidence(error, spread), OK, 0.9, 16) is settled


def test_an_ambiguous_answer_is_not_settled_unless_its_error_alone_is_too_wide():
    assert not is_settled(evidence(0.3, 0.0), UNSURE, 0.9, 16)  # 2 ** 0.3 = 1.23
    assert is_settled(evidence(0.4, 0.0), UNSURE, 0.9, 16)  # 1.32, beyond 1.25


def test_errors_that_were_measured_with_more_sites_need_as_many():
    assert not is_settled(evidence(0.3, 0.0, enough_sites=24), OK, 0.9, 16)
    assert is_settled(evidence(0.3, 0.0, enough_sites=24), OK, 0.9, 24)
