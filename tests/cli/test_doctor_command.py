"""Whether an installation works, and what to do about what does not."""

import json

from wsi_scale.cli import diagnose, run
from wsi_scale.errors import SlideError


def test_here_everything_that_a_run_needs_works(capsys):
    assert run(["doctor", "--json", "-"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["well"]
    by_name = {(one["kind"], one["name"]): one for one in found["findings"]}
    assert by_name["reader", "openslide"]["works"]
    assert "SVS" in by_name["reader", "openslide"]["says"]
    assert by_name["network", "histology"]["works"]
    assert by_name["library", "numpy"]["says"]


def test_a_reader_that_cannot_read_is_named_with_a_remedy(monkeypatch, capsys):
    from wsi_scale.slide.readers import openslide

    def refuse(source):
        raise SlideError("libopenslide is missing")

    monkeypatch.setattr(openslide, "open", refuse)
    monkeypatch.setattr(
        diagnose, "_network", lambda name: diagnose.HealthCheck("network", name, True, "")
    )
    assert run(["doctor"]) == 3
    shown = capsys.readouterr().out
    assert "NO openslide" in shown
    assert "libopenslide is missing; pip install --force-reinstall wsi-scale" in shown
    assert "does not work here" in shown


def test_a_missing_extra_comes_with_its_command_and_is_no_failure(monkeypatch):
    monkeypatch.setattr(diagnose, "version_of", lambda name: None if name == "napari" else "1")
    (extra,) = [diagnose._extra("napari", ["napari"])]
    assert (extra.works, extra.remedy) == (False, "pip install 'wsi-scale[napari]'")
    assert diagnose.is_well([extra])


def test_a_bug_in_a_library_is_shown_in_one_line():
    def attempt():
        raise RuntimeError("two\nlines")

    assert diagnose._problem(attempt) == "RuntimeError: two lines"
