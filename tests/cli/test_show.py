"""What a terminal shows: colours where they are wanted, lines that can be read."""

import io

import pytest

from wsi_scale.cli import show
from wsi_scale.cli.show import AnswerConsole, detail_of, print_report
from wsi_scale.errors import SettingsError
from wsi_scale.pipeline.iterate import estimate_slide
from wsi_scale.pipeline.settings import Settings

SLIDE = "synthetic:figures?seed=1&stretch=0.4&width=900&height=800"


@pytest.fixture(scope="module")
def report():
    few = Settings(sites=2, scales=(1, 4), per_octave=2, ruler=False, as_is_sites=0)
    return estimate_slide(SLIDE, "figures", few)


def printed(monkeypatch, report, detail=1, *, terminal=True, width=160):
    file = io.StringIO()
    look = {"markup": False, "emoji": False, "highlight": False, "color_system": "standard"}
    console = AnswerConsole(file=file, force_terminal=terminal, width=width, **look)
    monkeypatch.setattr(show, "out", console)
    print_report(report, detail)
    return file.getvalue()


def test_the_verdict_has_a_colour_unless_the_user_wants_none(monkeypatch, report):
    monkeypatch.delenv("NO_COLOR", raising=False)
    seen = printed(monkeypatch, report.model_copy(update={"verdict": "ok"})).splitlines()[0]
    assert "\x1b[1;32mok" in seen
    assert "\x1b[1;31moutside" in printed(
        monkeypatch, report.model_copy(update={"verdict": "outside"})
    )
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[1;32m" not in printed(monkeypatch, report.model_copy(update={"verdict": "ok"}))


def test_a_terminal_gets_lines_that_can_be_read_and_a_pipe_gets_paragraphs(monkeypatch, report):
    lines = printed(monkeypatch, report).splitlines()
    assert max(len(line) for line in lines[1:]) <= 100
    assert len(printed(monkeypatch, report, terminal=False).splitlines()) < len(lines)


def test_quiet_is_one_line_and_verbose_names_every_number(monkeypatch, report):
    assert len(printed(monkeypatch, report, 0, terminal=False).splitlines()) == 1
    assert "Scale, 90 % interval" in printed(monkeypatch, report, 2, terminal=False)


def test_quiet_and_verbose_together_are_refused():
    with pytest.raises(SettingsError, match="contradict"):
        detail_of(True, True)
