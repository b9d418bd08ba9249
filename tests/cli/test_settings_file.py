"""The settings file: every option may stand in it, and a wrong name is found."""

from pathlib import Path

import pytest

from wsi_scale import cli

SLIDE = "synthetic:figures?seed=1&stretch=0.4&width=900&height=800"
SMALL = 'network = "figures"\nsites = 2\nper-octave = 2\nscales = "1:4"\nruler = false\n'


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def settings_of(monkeypatch, *arguments):
    """The settings that a command would run with; nothing is measured."""
    seen = []

    def stop(slide, network, settings):
        seen.append(settings)
        return None, False

    monkeypatch.setattr(cli, "load", lambda spec, device: seen.append(spec))
    monkeypatch.setattr(cli, "follow", stop)
    assert cli.run(["estimate", SLIDE, *arguments]) == 130
    return seen


def test_the_file_in_the_folder_is_used_and_said(monkeypatch, capsys):
    Path("wsi-scale.toml").write_text(SMALL)
    spec, settings = settings_of(monkeypatch)
    assert (spec, settings.sites, settings.scales, settings.ruler) == ("figures", 2, (1, 4), False)
    assert "settings from wsi-scale.toml" in capsys.readouterr().err


def test_what_is_typed_comes_first_and_a_named_file_replaces_the_one_in_the_folder(monkeypatch):
    Path("wsi-scale.toml").write_text("sites = 5\nseed = 5\n")
    Path("other.toml").write_text("sites = 7\nper_octave = 3\n")
    _, settings = settings_of(monkeypatch, "--settings", "other.toml", "--per-octave", "4")
    assert (settings.sites, settings.seed, settings.per_octave) == (7, 0, 4)


def test_a_table_counts_for_its_command_only(monkeypatch):
    Path("wsi-scale.toml").write_text("sites = 5\n[estimate]\nsites = 6\n[batch]\nminutes = 3\n")
    _, settings = settings_of(monkeypatch)
    assert settings.sites == 6


def test_without_a_file_nothing_is_said(monkeypatch, capsys):
    settings_of(monkeypatch)
    assert "settings from" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("sitess = 2", "x.toml: unknown option 'sitess'; did you mean sites?"),
        ("[estimate]\nper_octav = 2", "[estimate] option 'per_octav'; did you mean per-octave?"),
        ("[estimate]\nminutes = 2", "x.toml: unknown [estimate] option 'minutes'"),
        ("[batches]\nsites = 2", "x.toml: unknown table 'batches'; did you mean batch?"),
        ("estimate = 3", "x.toml: unknown option 'estimate'"),
        ('sites = "many"', "'many' is not a whole number"),
        ("sites = ", "x.toml is not TOML"),
    ],
)
def test_a_wrong_file_is_one_sentence(text, sentence, capsys):
    Path("x.toml").write_text(text)
    assert cli.run(["estimate", SLIDE, "--settings", "x.toml"]) == 2
    assert sentence in capsys.readouterr().err


def test_a_file_that_is_not_there_is_one_sentence(capsys):
    assert cli.run(["estimate", SLIDE, "--settings", "none.toml"]) == 2
    assert "cannot read none.toml" in capsys.readouterr().err


def test_help_needs_no_settings(capsys):
    Path("wsi-scale.toml").write_text("nonsense = 1")
    assert cli.run(["--help"]) == 0
    assert cli.run(["-h"]) == 0
    assert "unknown" not in capsys.readouterr().err


def test_the_file_of_the_page_is_understood(capsys):
    """What fails is only the network, which nobody has."""
    page = Path(__file__).parents[2] / "docs" / "command-line.md"
    block = page.read_text(encoding="utf-8").split("```toml\n")[1].split("```")[0]
    Path("wsi-scale.toml").write_text(block, encoding="utf-8")
    named = ["--settings", "wsi-scale.toml"]
    assert cli.run(["estimate", "synthetic:figures", *named]) == 2
    assert "my.module" in capsys.readouterr().err


@pytest.mark.parametrize(
    "line",
    [
        "network = \"subprocess:getoutput?cmd='touch PROOF'\"",
        'trust = ["card.toml"]',
        'json = "keep.txt"',
        'plot = "keep.txt"',
    ],
)
def test_a_file_that_nobody_named_runs_no_code_and_writes_nothing(line, capsys):
    Path("keep.txt").write_text("mine")
    Path("wsi-scale.toml").write_text(f"[estimate]\n{line}\n")
    assert cli.run(["estimate", SLIDE]) == 2
    said = capsys.readouterr().err
    assert "nobody named that file" in said
    assert "--settings wsi-scale.toml" in said
    assert Path("keep.txt").read_text() == "mine"
    assert not Path("PROOF").exists()
