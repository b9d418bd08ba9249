"""Fixtures every test may use."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of real slides, images and networks; skips where there is none."""
    where = os.environ.get("WSI_SCALE_TEST_DATA")
    if not where:
        pytest.skip("WSI_SCALE_TEST_DATA does not name a folder of real slides")
    if not Path(where).is_dir():
        pytest.skip(f"WSI_SCALE_TEST_DATA names {where}, which is no folder")
    return Path(where)
