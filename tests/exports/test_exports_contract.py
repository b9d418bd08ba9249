"""What every export promises; a new file in ``exports/targets/`` is tested automatically."""

import ast
import csv
import io
import json
import shlex

import pytest

from wsi_scale.errors import OutputError, SettingsError
from wsi_scale.exports.targets import all_targets, find_target
from wsi_scale.exports.write import export, export_all

HOSTILE = 'slides/=1+1 "quoted" it\'s $(touch x) `y` \\u000a\nrm -rf 😐.svs'


@pytest.fixture(params=all_targets(), ids=str)
def target(request):
    return request.param


def texts_of(content):
    return {"export.py": content} if isinstance(content, str) else content


def test_declares_what_people_need_to_know(target):
    module = find_target(target)
    assert module.TOOL
    assert module.GIVES
    assert set(module.NEEDS) <= {"scale", "mpp"}


def test_every_file_says_for_whom_it_is_or_is_a_table(target, answer):
    for name, text in texts_of(export(answer(), target)).items():
        assert name.endswith((".csv", ".json")) or "written by wsi-scale" in text.splitlines()[0]
        assert text.endswith("\n")


def test_python_json_and_tables_can_be_parsed(target, answer):
    reports = [answer(HOSTILE), answer("slides/b.svs", scale=3.3, mpp=0.5)]
    for name, text in texts_of(export(reports, target)).items():
        if name.endswith(".py") and target != "bioimageio":
            ast.parse(text)
        elif name.endswith(".json"):
            json.loads(text)
        elif name.endswith(".csv"):
            widths = {len(row) for row in csv.reader(io.StringIO(text))}
            assert len(widths) == 1


def test_no_name_of_a_slide_breaks_out_of_its_place(target, answer):
    for name, text in texts_of(export(answer(HOSTILE), target)).items():
        lines = text.splitlines()
        if not name.endswith((".csv", ".sh")):  # there it stands inside quotes, read back below
            assert not any(line.startswith("rm -rf") for line in lines)
        if name.endswith(".csv"):
            cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row]
            assert not any(cell.startswith(("=", "+", "@")) for cell in cells)
        if name.endswith(".sh"):
            words = shlex.split(text, comments=True)
            assert not {"touch", "rm"} & set(words)
        if name.endswith(".groovy"):
            # one backslash before u, or three, would be read as the end of a line
            assert "\\\\u000a\\nrm -rf" in text


def test_a_slide_that_is_not_ok_is_refused_unless_its_verdict_is_named(target, answer):
    report = answer(verdict="outside")
    with pytest.raises(SettingsError, match=r"a.svs is outside .* --even-if outside"):
        export(report, target)
    with pytest.raises(SettingsError, match="--even-if outside"):
        export(report, target, even_if="edge")
    texts = texts_of(export(report, target, even_if="outside"))
    assert all("outside" in text for text in texts.values())
    assert any("NOT OK, verdict outside: unlike the reference" in x for x in texts.values())


def test_a_slide_left_out_is_named_in_the_text(target, answer):
    made = export_all([answer(), answer("slides/b.svs", verdict="edge")], target)
    assert len(made.left_out) == 1
    said = "".join(texts_of(made.content).values())
    assert "slides/b.svs is edge" in said


def test_without_a_scale_or_micrometres_that_it_needs_one_sentence_refuses(target, answer):
    needs = find_target(target).NEEDS
    if "scale" in needs:
        with pytest.raises(SettingsError, match=r"a.svs has no scale .* needs one"):
            export(answer(scale=None, verdict="flat"), target, even_if="flat")
    if "mpp" in needs:
        with pytest.raises(SettingsError, match=r"the µm/px of slides/a.svs is not known"):
            export(answer(mpp=None), target)
    else:
        export(answer(mpp=None), target)


def test_a_pixel_size_read_from_the_tissue_is_used_and_said(target, answer):
    ruler = {
        "slide_mpp": 0.25,
        "slide_mpp_interval": (0.2, 0.3),
        "slide_mpp_from": "ruler",
        "verdict": "ok",
    }
    said = "".join(texts_of(export(answer(mpp=None, ruler=ruler), target)).values())
    assert "µm/px read from the tissue, not stated by the file: 0.25 (0.2–0.3), ok" in said


def test_an_unknown_tool_or_verdict_is_refused_with_those_there_are(answer):
    with pytest.raises(SettingsError, match=r"no export for 'photoshop'; choose from atlaspatch,"):
        export(answer(), "photoshop")
    with pytest.raises(SettingsError, match=r"no verdict 'maybe'; choose from edge, ambiguous"):
        export(answer(), "trident", even_if="maybe")


def test_no_report_at_all_is_refused():
    with pytest.raises(SettingsError, match="there is no report to export"):
        export([], "trident")


def test_a_name_that_is_no_text_is_refused_where_it_cannot_be_written(answer):
    with pytest.raises(OutputError, match="no valid text"):
        export(answer("slides/\udcff.svs"), "trident")
