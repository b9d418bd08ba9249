"""What every source of networks promises. A new source is tested by being there."""

import pytest

from wsi_scale.networks import all_sources


@pytest.fixture(params=all_sources(), ids=str)
def source(request):
    return all_sources()[request.param]


def test_explains_its_grammar_and_accepts_its_own_example(source, tmp_path):
    assert source.GRAMMAR
    assert source.accepts(source.example(tmp_path))
