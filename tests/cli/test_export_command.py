"""What people type to take an answer into another tool."""

import importlib.util
import json
from pathlib import Path

import pytest

from wsi_scale.batch.row import columns, failed_row, flatten
from wsi_scale.cli import run
from wsi_scale.report import Report

SPEC = importlib.util.spec_from_file_location(
    "answers", Path(__file__).parents[1] / "exports" / "conftest.py"
)
answers = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(answers)


@pytest.fixture
def report(tmp_path):
    path = tmp_path / "report.json"
    path.write_text(answers.make_answer().to_json(), encoding="utf-8")
    return str(path)


def write_rows(path, *reports, failed=0):
    empty = dict.fromkeys(columns())
    rows = [empty | {"path": r.slide.path} | flatten(r) for r in reports]
    rows += [failed_row("slide", "it is empty") | {"path": "slides/x.svs"}] * failed
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def test_one_text_goes_to_stdout_or_to_a_file(report, tmp_path, capsys):
    assert run(["export", report, "--for", "monai"]) == 0
    shown = capsys.readouterr().out
    out = tmp_path / "monai_slides.py"
    assert run(["export", report, "--for", "monai", "--out", str(out)]) == 0
    assert out.read_text(encoding="utf-8") == shown


def test_several_files_go_into_a_folder(report, tmp_path):
    folder = tmp_path / "for trident"
    assert run(["export", report, "--for", "trident", "--out", str(folder)]) == 0
    assert sorted(p.name for p in folder.iterdir()) == ["slides_20x_224px.csv", "trident.sh"]


def test_several_files_on_stdout_stand_under_their_names(report, capsys):
    assert run(["export", report, "--for", "qupath"]) == 0
    shown = capsys.readouterr().out
    assert "==> add_sites.groovy <==" in shown
    assert "==> set_pixel_size.groovy <==" in shown


def test_a_whole_batch_is_exported_and_what_is_left_out_is_named(tmp_path, capsys):
    good = answers.make_answer()
    edge = answers.make_answer("slides/b.svs", verdict="edge")
    rows = write_rows(tmp_path / "rows.jsonl", good, edge, failed=1)
    assert run(["export", rows, "--for", "lazyslide"]) == 3
    captured = capsys.readouterr()
    assert "'path': 'slides/a.svs'" in captured.out
    assert "left out: slides/x.svs failed in the batch: it is empty" in captured.err
    assert "left out: slides/b.svs is edge" in captured.err


def test_rows_in_parquet_are_read_too(tmp_path, capsys):
    from wsi_scale.batch.parts import Parts

    parts = Parts(tmp_path / "rows.parquet")
    parts.begin()
    report = answers.make_answer()
    parts.append(dict.fromkeys(columns()) | {"path": report.slide.path} | flatten(report))
    parts.close()
    assert run(["export", str(parts.path), "--for", "lazyslide"]) == 0
    assert "'mpp': 0.5" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--for", "photoshop"], "there is no export for 'photoshop'; choose from atlaspatch"),
        (["--for", "monai", "--even-if", "perhaps"], "there is no verdict 'perhaps'"),
        ([], "wsi-scale export --list"),
    ],
)
def test_what_cannot_be_exported_is_said_in_one_sentence(words, says, report, capsys):
    assert run(["export", report, *words]) == 2
    assert says in capsys.readouterr().err


def test_a_report_is_never_replaced_by_its_export(report, capsys):
    assert run(["export", report, "--for", "monai", "--out", report]) == 2
    assert "would replace" in capsys.readouterr().err
    assert Report.from_json(Path(report).read_bytes())


def test_what_is_no_report_is_refused(tmp_path, capsys):
    other = tmp_path / "other.json"
    other.write_text('{"schema": "wsi-scale/ruler/1"}', encoding="utf-8")
    assert run(["export", str(other), "--for", "monai"]) == 2
    assert "is a reading of the ruler, which has no scale" in capsys.readouterr().err
    assert run(["export", str(tmp_path / "none.json"), "--for", "monai"]) == 2
    assert "there is no file" in capsys.readouterr().err


def test_the_list_names_every_tool(capsys):
    assert run(["export", "--list"]) == 0
    shown = capsys.readouterr().out
    assert "trident     TRIDENT: " in shown
    assert len(shown.splitlines()) >= 17
