"""Fixtures for the tests of several readers."""

import pytest

from wsi_scale import open_slide
from wsi_scale.errors import SlideError


@pytest.fixture
def refusal():
    """Opens a source that must be refused; gives the message, which is one sentence."""

    def refused(source, **options):
        with pytest.raises(SlideError) as caught:
            open_slide(source, **options)
        message = str(caught.value)
        assert "\n" not in message
        assert not message.endswith(".")
        assert caught.value.__cause__ is None
        return message

    return refused
