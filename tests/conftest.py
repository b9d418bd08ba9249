"""Fixtures every test may use."""

import multiprocessing
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings as hypothesis_settings

from wsi_scale.estimators.profile_file import About, keys_of
from wsi_scale.geometry import ScaleGrid, Site
from wsi_scale.known_scale.calibrate import Sample, fit_profile
from wsi_scale.responses.layer import LayerResponses
from wsi_scale.responses.record import Responses

hypothesis_settings.register_profile("untimed", deadline=None)  # no test asserts a time
hypothesis_settings.load_profile("untimed")


def pytest_addoption(parser):
    parser.addoption(
        "--start-method",
        choices=["spawn", "forkserver", "fork"],
        help="how new processes begin; with spawn, as on Windows and macOS, nothing forks",
    )


def pytest_configure(config):
    method = config.getoption("--start-method", None)
    if method is not None:
        multiprocessing.set_start_method(method, force=True)


@pytest.fixture
def can_fork(request):
    """Skips where nothing may fork: on Windows, and with --start-method=spawn."""
    if not hasattr(os, "fork"):
        pytest.skip("this system cannot fork")
    if request.config.getoption("--start-method", None) == "spawn":
        pytest.skip("nothing forks with --start-method=spawn")


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of real slides, images and networks; skips where there is none."""
    where = os.environ.get("WSI_SCALE_TEST_DATA")
    if not where:
        pytest.skip("WSI_SCALE_TEST_DATA does not name a folder of real slides")
    if not Path(where).is_dir():
        pytest.skip(f"WSI_SCALE_TEST_DATA names {where}, which is no folder")
    return Path(where)


@pytest.fixture(scope="session")
def cases() -> Path:
    """Folder of small files as people have them."""
    return Path(__file__).parent / "cases"


CHANNELS = 6


def make_responses(
    truth=2.0, sites=16, content=0.0, shift=0.0, slope=1.0, seed=0, grid=None, **changes
):
    """Responses whose channel means cross the stored ones at the true scale.

    The mean of channel c at scale s is slope · t_c · log2(s / truth) in stored standard
    deviations; ``content`` scatters sites along another direction; ``shift`` moves all channels.
    """
    grid = grid or ScaleGrid.geometric(0.5, 16, 8)
    rng = np.random.default_rng(seed)
    turn = np.array([1.0, -1, 0.5, 0.7, -0.3, 0.2])
    other = np.array([0.3, 0.1, -1.0, 0.9, 0.4, -0.8])
    away = np.log2(np.array(grid.scales) / truth)
    n, s = sites, len(grid)
    mean = np.tile(slope * away[:, None] * turn, (n, 1, 1)) + shift
    mean += content * rng.normal(size=(n, 1, 1)) * other
    var = np.ones_like(mean) - np.minimum(0.9, content**2 * other**2)
    rows = n * s
    values = {
        "grid": grid,
        "sites": tuple(Site(1000.0 * i, 1000.0 * i) for i in range(n)),
        "site_index": np.repeat(np.arange(n, dtype=np.int32), s),
        "scale_index": np.tile(np.arange(s, dtype=np.int32), n),
        "variant": np.zeros(rows, np.int32),
        "layers": (
            LayerResponses(
                "bn1",
                "batchnorm",
                (mean.reshape(rows, -1) * 3 + 7).astype(np.float32),
                (var.reshape(rows, -1) * 9).astype(np.float32),
                running_mean=np.full(CHANNELS, 7, np.float32),
                running_var=np.full(CHANNELS, 9, np.float32),
            ),
        ),
        "outputs": np.zeros((rows, 3), np.float32),
        "share": np.tile(np.float32([0.5, 0.3, 0.2]), (rows, 1)),
        "entropy": np.ones(rows, np.float32),
        "contrast": np.full(rows, 40, np.float32),
        "target": np.zeros(rows, np.int32),
        "upsampled": np.tile(np.array(grid.scales) < 1, n),
        "classes": ("a", "b", "c"),
        "task": "classify",
        "input_size": 224,
        "batchnorm_batches": 1000,
    }
    return Responses(**(values | changes))


@pytest.fixture
def responses_of():
    """Maker of responses whose right scale is known."""
    return make_responses


def make_profile(samples, **about):
    """A profile fitted on samples, as calibration would after measuring them."""
    first = samples[0].responses
    usual = {
        "network": "lines",
        "sha256": None,
        "input_size": first.input_size,
        "layers": keys_of(first),
        "sites": len(first.sites),
        "jitters": 0,
        "strength": 0.0,
        "images": tuple(one.image for one in samples),
        "version": "0",
        "seed": 0,
    }
    return fit_profile(samples, About(**(usual | about)))


@pytest.fixture
def profile_of():
    """Maker of profiles."""
    return make_profile


@pytest.fixture
def samples_of(responses_of):
    """Maker of a reference: images of one right scale, each with a content of its own."""

    def make(truth=2.0, images=15, **options):
        options = {"sites": 4, "content": 0.2} | options
        return [
            Sample(
                f"image {seed}",
                truth,
                responses_of(truth, seed=seed, **options),
                source=f"laboratory {seed % 3}",
            )
            for seed in range(images)
        ]

    return make
