"""`wsi-scale networks`: the bundled networks in words, and the table of published models."""

import json
from collections import Counter

import pytest

from wsi_scale import cli
from wsi_scale.networks import all_published, find_published
from wsi_scale.render.published import published_row

PUBLISHED = ["networks", "--published"]


def shown(capsys, *arguments):
    assert cli.run([*PUBLISHED, *arguments]) == 0
    return capsys.readouterr().out


def test_the_bundled_networks_are_described(capsys):
    assert cli.run(["networks"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any("histology: A U-Net for nuclei in H&E" in line for line in lines)
    assert any("--published" in line for line in lines)


@pytest.mark.parametrize("columns", [80, 100, 120])
def test_the_table_fits_the_terminal_and_lists_every_model(capsys, monkeypatch, columns):
    monkeypatch.setattr("wsi_scale.cli.show.out.width", columns)
    text = shown(capsys)
    assert max(map(len, text.splitlines())) <= columns
    table = text[text.index("\nUNI ") : text.index("\n\n")]
    rows = "".join("".join(published_row(model)) for model in all_published())
    assert Counter("".join(table.split())) == Counter("".join(rows.split())), "something is cut off"


def test_a_row_says_what_it_wants_its_licence_and_who_says_so(capsys, monkeypatch):
    monkeypatch.setattr("wsi_scale.cli.show.out.width", 100)
    (row,) = [line for line in shown(capsys).splitlines() if line.startswith("Virchow ")]
    assert row.split() == ["Virchow", "0.5", "224", "Apache-2.0", "model", "card"]


def test_a_figure_that_nobody_read_is_marked_in_the_table(capsys, monkeypatch):
    monkeypatch.setattr("wsi_scale.cli.show.out.width", 120)
    text = shown(capsys)
    (row,) = [line for line in text.splitlines() if line.startswith("Cellpose cyto3")]
    assert "30 px?" in row
    assert "not confirmed" in text


def test_one_model_is_shown_with_the_words_of_its_sources(capsys):
    text = shown(capsys, "paige-ai/virchow")
    assert '"tiles sampled at 0.5 microns per pixel resolution (20x magnification)"' in text
    assert "https://huggingface.co/paige-ai/Virchow" in text


def test_one_model_says_what_was_not_read(capsys):
    text = shown(capsys, "colorectal-resnet34.penn")
    assert "0.25?" in text
    assert "not confirmed: from memory, nothing read" in text


def test_one_model_says_why_it_has_no_size(capsys):
    assert "several µm/px" in " ".join(shown(capsys, "google/path-foundation").split())


def test_an_unknown_name_is_one_sentence(capsys):
    assert cli.run([*PUBLISHED, "unii"]) == 2
    complaint = capsys.readouterr()
    assert complaint.out == ""
    assert complaint.err.count("\n") == 1
    assert "'unii'" in complaint.err
    assert "UNI" in complaint.err


def test_programs_get_the_same_as_json(capsys, tmp_path):
    everything = json.loads(shown(capsys, "--json", "-"))
    assert [model["name"] for model in everything] == [x.name for x in all_published()]
    target = tmp_path / "uni.json"
    assert "0.571 µm/px" in shown(capsys, "uni", "--json", str(target)).replace("\n", " ")
    (uni,) = json.loads(target.read_text(encoding="utf-8"))
    assert (uni["mpp"], uni["mpps"], uni["unconfirmed"]) == (0.5, [0.5], [])
    assert uni["sources"][0]["quote"] == find_published("uni").sources[0].quote


def test_json_without_published_says_what_is_missing(capsys):
    assert cli.run(["networks", "--json", "-"]) == 2
    assert "add --published" in capsys.readouterr().err
