"""A newcomer without a slide gets one."""

import pytest

from wsi_scale import cli, open_slide
from wsi_scale.errors import SlideError
from wsi_scale.slide import sample_slide


def test_the_sample_slide_can_be_copied_and_opened(tmp_path, capsys):
    assert cli.run(["sample", str(tmp_path / "slide.svs")]) == 0
    with open_slide(tmp_path / "slide.svs") as slide:
        assert slide.mpp == pytest.approx((0.499, 0.499))
        assert (slide.levels[0].width, slide.levels[0].height) == (2220, 2967)
    assert "2220 × 2967 px, 0.499 µm/px" in capsys.readouterr().out


def test_a_file_that_is_there_stays(tmp_path, capsys):
    mine = tmp_path / "slide.svs"
    mine.write_text("mine")
    assert cli.run(["sample", str(mine)]) == 2
    assert mine.read_text() == "mine"
    assert "is there already; choose another name" in " ".join(capsys.readouterr().err.split())


def test_an_installation_without_it_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(sample_slide, "_PACKAGE", tmp_path / "a" / "b")
    with pytest.raises(SlideError, match="install wsi-scale again"):
        sample_slide.sample_slide()
