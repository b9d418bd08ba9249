"""What every estimator promises. A new estimator is tested by being there."""

import pytest

from wsi_scale.estimators import all_estimators


@pytest.fixture(params=all_estimators(), ids=str)
def estimator(request):
    return all_estimators()[request.param]


def test_declares_what_people_need_to_know(estimator):
    assert estimator.NEEDS
    assert isinstance(estimator.EVIDENCE, bool)
    assert callable(estimator.prepare)
