"""Fixtures every test may use."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of real slides and networks; skips where $WSI_SCALE_TEST_DATA does not name one."""
    folder = os.environ.get("WSI_SCALE_TEST_DATA")
    if not folder:
        pytest.skip("WSI_SCALE_TEST_DATA is not set, so there are no real files to test with")
    return Path(folder)
