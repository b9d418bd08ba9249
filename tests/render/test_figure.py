"""One picture of the answer, for every verdict, whole or not at all."""

import io
import os
import subprocess
import sys

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from wsi_scale.errors import OutputError
from wsi_scale.geometry import Site
from wsi_scale.render.curve import draw_curve
from wsi_scale.render.figure import draw_estimate, figure_png, render_estimate


def test_every_verdict_is_drawn(any_report, strip, tmp_path):
    path = tmp_path / "estimate.png"
    draw_estimate(any_report, strip, path, site=Site(12.5, 99))
    with Image.open(path) as picture:
        picture.load()
        assert picture.width == 1500
    assert os.listdir(tmp_path) == ["estimate.png"]


@pytest.mark.parametrize(
    ("suffix", "start"), [("png", b"\x89PNG"), ("PDF", b"%PDF"), ("svg", b"<?xml")]
)
def test_the_suffix_decides_the_format(strip, tmp_path, suffix, start, make_report):
    path = tmp_path / f"estimate.{suffix}"
    draw_estimate(make_report(), strip, path)
    assert path.read_bytes().startswith(start)


@pytest.mark.parametrize("kind", ["png", "pdf", "svg"])
def test_the_same_report_gives_the_same_bytes(kind, make_report):
    assert render_estimate(make_report(), [], kind=kind) == render_estimate(
        make_report(), [], kind=kind
    )


def test_it_draws_without_strip_resolution_levels_voices_or_curve(make_report):
    nothing = {"scales": [], "score": [], "low": [], "high": []}
    bare = make_report(
        "blank", scale=None, mpp=None, slide={"levels": []}, voices={"profile": None}, curve=nothing
    )
    assert figure_png(bare.model_copy(update={"voices": {}}), [])


def test_what_was_not_measured_has_no_score_axis(make_report):
    axes = Figure().subplots()
    nothing = {"scales": [], "score": [], "low": [], "high": []}
    draw_curve(axes, make_report(estimator="ruler", curve=nothing))
    assert axes.get_ylabel() == ""
    assert "it follows from µm/px" in [text.get_text() for text in axes.texts][-1]


@pytest.mark.parametrize("low", [0.1, 0.97, 1.0, 5.0])
@pytest.mark.parametrize("ratio", [1.0, 2.0, 100.0])
def test_it_draws_any_range_of_scales(low, ratio, make_report):
    scales = [float(s) for s in np.geomspace(low, low * ratio, 9 if ratio > 1 else 1)]
    score = [1.0] * len(scales)
    curve = {"scales": scales, "score": score, "low": score, "high": score}
    assert figure_png(make_report(scale=low, curve=curve), [])


@pytest.mark.parametrize("count", [1, 2, 7, 41])
def test_it_draws_any_number_of_patches(count, make_report):
    patch = np.zeros((16, 16, 3), np.uint8)
    strip = [(float(s), patch) for s in np.geomspace(0.5, 16, count)]
    assert figure_png(make_report(), strip)


def test_the_patch_nearest_to_the_answer_is_framed(make_report):
    white = np.full((16, 16, 3), 255, np.uint8)
    strip = [(1.0, white), (4.0, white), (8.0, white)]

    def framed(report):
        pixels = np.asarray(Image.open(io.BytesIO(figure_png(report, strip))).convert("RGB"))
        low = pixels[-260:]  # the rows of the strip
        vermilion = (abs(low.astype(int) - (213, 94, 0)) < 12).all(axis=2)
        return np.flatnonzero(vermilion.sum(axis=0) > 60)

    columns = framed(make_report(scale=4.02))
    assert columns.size
    assert abs(columns.mean() - 1500 * 0.5225) < 20  # the middle one of three
    assert framed(make_report("flat", scale=None)).size == 0


@pytest.mark.parametrize("name", ["a$b$c.svs", "腎臓😐.svs", "x" * 300 + ".svs", "a\\b_{.svs"])
def test_any_name_of_a_slide_can_be_drawn(name, make_report):
    assert figure_png(make_report(slide={"path": name}, reason=name, verdict="flat"), [])


@pytest.mark.parametrize("name", ["estimate", "estimate.jpg", "estimate.png.txt"])
def test_another_suffix_is_one_sentence(name, tmp_path, make_report):
    with pytest.raises(OutputError, match=r"suffix must be \.png, \.pdf or \.svg"):
        draw_estimate(make_report(), [], tmp_path / name)
    assert os.listdir(tmp_path) == []


def test_a_missing_folder_is_one_sentence(tmp_path, make_report):
    with pytest.raises(OutputError, match="no folder"):
        draw_estimate(make_report(), [], tmp_path / "nowhere" / "estimate.png")


def test_a_failure_while_drawing_leaves_the_old_file(tmp_path, make_report):
    path = tmp_path / "estimate.png"
    path.write_bytes(b"old")
    with pytest.raises(TypeError):
        draw_estimate(make_report(), [(1.0, np.zeros((4, 4, 7), np.uint8))], path)
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["estimate.png"]


def test_the_interactive_half_of_matplotlib_is_never_loaded(make_report, tmp_path):
    """In a process of its own: another test's library may have loaded it here."""
    (tmp_path / "report.json").write_text(make_report().to_json(), encoding="utf-8")
    code = (
        "import sys; from wsi_scale.report import Report\n"
        "from wsi_scale.render.figure import figure_png\n"
        "figure_png(Report.from_json(open('report.json', encoding='utf-8').read()), [])\n"
        "sys.exit('matplotlib.pyplot' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=False).returncode == 0
