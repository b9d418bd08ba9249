"""Pytest fixtures over the builders, found by pytest through the entry point ``pytest11``.

def test_my_pipeline(pyramid_tiff):
    with wsi_scale.open_slide(pyramid_tiff) as slide: ...
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from wsi_scale.networks.network import Network
    from wsi_scale.slide.base import Slide


@pytest.fixture
def synthetic_slide() -> Iterator[Slide]:
    """An open slide in memory: dark discs of radius 20 px on 600 × 500 px, 0.5 µm/px, 3 levels."""
    from wsi_scale.testing.slides import slide_in_memory

    with slide_in_memory(mpp=0.5) as slide:
        yield slide


@pytest.fixture
def pyramid_tiff(tmp_path: Path) -> Path:
    """Path of a tiled TIFF with the pixels of ``synthetic_slide``, 0.5 µm/px, 3 levels."""
    from wsi_scale.testing.slides import disc_image, write_pyramid_tiff

    return write_pyramid_tiff(tmp_path / "pyramid.tiff", disc_image(20), mpp=0.5)


@pytest.fixture
def analytic_network() -> Callable[[float], Network]:
    """Maker of networks: ``analytic_network(sigma_px)`` answers r / (σ √2) for discs of radius r.

    Skips where torch is not installed.
    """
    pytest.importorskip("torch")
    from wsi_scale.testing import networks

    return networks.analytic_network
