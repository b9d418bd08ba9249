"""What a newcomer sees first: the slides of ``sample_data`` and the bundled network."""

import json
import re
from pathlib import Path

import pytest

from wsi_scale import cli
from wsi_scale.pipeline.iterate import estimate_slide

SAMPLES = Path(__file__).parents[1] / "sample_data"
README = (SAMPLES.parent / "README.md").read_text(encoding="utf-8")


def test_the_scale_of_the_sample_figures_is_found():
    """Drawn at stretch 0.8 for a network trained at scale 5, so the truth is 4."""
    report = estimate_slide(SAMPLES / "figures.tif", "figures")
    assert report.verdict == "ok", report.reason
    assert report.scale == pytest.approx(4.0, rel=0.05)
    low, high = report.scale_interval
    assert low <= 4.0 <= high
    told = re.search(r"^scale ([\d.]+) \[([\d.]+)–([\d.]+)\] · ok$", README, re.MULTILINE)
    assert [float(x) for x in told.groups()] == pytest.approx([report.scale, low, high], rel=0.01)
    assert report.mpp is None, "the file states no resolution and none is invented"


def test_tissue_is_unlike_what_the_figures_network_knows(tmp_path):
    target = tmp_path / "report.json"
    slide = SAMPLES / "CMU-1-Small-Region.svs"
    code = cli.run(["estimate", str(slide), "--network", "figures", "--json", str(target)])
    report = json.loads(target.read_text())
    assert code == 3
    assert report["verdict"] != "ok"
    assert report["slide"]["mpp"] == pytest.approx([0.499, 0.499])
