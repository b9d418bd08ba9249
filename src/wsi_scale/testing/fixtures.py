"""Pytest fixtures made with the builders. Pytest finds them through the entry point ``pytest11``.

For example::

    def test_my_pipeline(pyramid_tiff):
        with wsi_scale.open_slide(pyramid_tiff) as slide:
            assert slide.mpp == (0.5, 0.5)
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
    """An open slide in memory: dark discs of radius 20 px on white.

    Returns
    -------
    Slide
        600 × 500 px, levels 1, 2 and 4, 0.5 µm/px. It is closed after the test.

    Examples
    --------
    >>> def test_resolution(synthetic_slide):
    ...     assert synthetic_slide.mpp == (0.5, 0.5)
    """
    from wsi_scale.testing.slides import slide_in_memory

    with slide_in_memory(mpp=0.5) as slide:
        yield slide


@pytest.fixture
def pyramid_tiff(tmp_path: Path) -> Path:
    """Path of a tiled TIFF with the pixels of ``synthetic_slide``.

    Returns
    -------
    pathlib.Path
        600 × 500 px, levels 1, 2 and 4, 0.5 µm/px, in the test's ``tmp_path``.

    Examples
    --------
    >>> def test_file(pyramid_tiff):
    ...     with wsi_scale.open_slide(pyramid_tiff) as slide:
    ...         assert len(slide.levels) == 3
    """
    from wsi_scale.testing.slides import disc_image, write_pyramid_tiff

    return write_pyramid_tiff(tmp_path / "pyramid.tiff", disc_image(20), mpp=0.5)


@pytest.fixture
def analytic_network() -> Callable[[float], Network]:
    """A function that makes networks with a known right scale; skips the test without torch.

    Returns
    -------
    callable
        ``analytic_network(sigma_px)``. The right scale of its network for discs of radius r px is
        r / (σ √2).

    Examples
    --------
    >>> def test_network(analytic_network):
    ...     assert analytic_network(4.0).input_size == 40
    """
    pytest.importorskip("torch")
    from wsi_scale.testing import networks

    return networks.analytic_network
