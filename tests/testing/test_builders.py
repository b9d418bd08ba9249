"""What the public builders promise to users' tests."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

from wsi_scale import open_slide, testing

PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"


def test_importing_the_builders_loads_neither_torch_nor_tifffile():
    code = (
        "import sys, wsi_scale.testing, wsi_scale.testing.fixtures\n"
        "print([m for m in ('torch', 'tifffile', 'openslide') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_everything_announced_can_be_had():
    for name in testing.__all__:
        assert callable(getattr(testing, name))
    with pytest.raises(AttributeError, match="nothing"):
        _ = testing.nothing


def test_a_disc_has_the_area_of_its_radius():
    dark = (255 - testing.disc_image(20, width=100, height=100)[..., 0].astype(float)) / 195
    assert dark.sum() == pytest.approx(np.pi * 20**2, rel=0.005)


def test_shrinking_keeps_the_mean_and_rounds_sides_down():
    levels = testing.shrunk_levels(testing.disc_image(20, width=301, height=201), (1, 2, 4))
    assert [level.shape for level in levels] == [(201, 301, 3), (100, 150, 3), (50, 75, 3)]
    assert levels[1].mean() == pytest.approx(levels[0].mean(), abs=1)


@pytest.mark.parametrize("compression", ["zlib", "jpeg", None])
@pytest.mark.parametrize("reader", ["openslide", "tiffslide"])
def test_a_written_pyramid_is_read_back_by_both_readers(tmp_path, reader, compression):
    image = testing.disc_image(20)
    path = testing.write_pyramid_tiff(
        tmp_path / "p.tiff", image, downsamples=(1, 4, 16), mpp=0.25, compression=compression
    )
    with open_slide(path, reader=reader) as slide:
        assert [level.width for level in slide.levels] == [600, 150, 37]
        assert slide.mpp == pytest.approx((0.25, 0.25))
        off = np.abs(slide.read(0, 0, 0, 600, 500).astype(int) - image)
        assert off.max() <= (60 if compression == "jpeg" else 0)
        assert off.mean() < 2


def test_a_pyramid_without_resolution_has_none(tmp_path):
    path = testing.write_pyramid_tiff(tmp_path / "p.tiff", testing.painted_levels())
    for reader in ("openslide", "tiffslide", "image"):
        with open_slide(path, reader=reader) as slide:
            assert slide.mpp is None


USERS_TEST = """
import wsi_scale

def test_slide(synthetic_slide):
    assert synthetic_slide.mpp == (0.5, 0.5)
    assert len(synthetic_slide.levels) == 3

def test_file(pyramid_tiff, synthetic_slide):
    with wsi_scale.open_slide(pyramid_tiff) as slide:
        assert (slide.read(1, 5, 6, 80, 70) == synthetic_slide.read(1, 5, 6, 80, 70)).all()

def test_network(analytic_network):
    assert analytic_network(4.0).card.input_size
"""


def test_pytest_finds_the_fixtures_in_a_users_own_tests(tmp_path, monkeypatch):
    """Through the entry point that pyproject.toml declares, in a distribution of its own."""
    declared = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]["entry-points"]
    (plugin,) = declared["pytest11"].items()
    installed = tmp_path / "installed" / "wsi_scale_entry-1.dist-info"
    installed.mkdir(parents=True)
    (installed / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: wsi-scale-entry\nVersion: 1\n"
    )
    (installed / "entry_points.txt").write_text("[pytest11]\n{} = {}\n".format(*plugin))
    (tmp_path / "test_users.py").write_text(USERS_TEST)
    paths = [str(installed.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_users.py"]
    out = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert out.returncode == 0, out.stdout + out.stderr
    assert "3 passed" in out.stdout
