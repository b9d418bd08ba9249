"""Rows that were damaged or written by others are refused in a sentence with line and column."""

import json
from pathlib import Path

import pytest

from wsi_scale.batch.lines import Lines, encode
from wsi_scale.batch.row import columns
from wsi_scale.batch.row_check import row_of
from wsi_scale.batch.summary import markdown, summarize
from wsi_scale.errors import SettingsError

CASES = Path(__file__).parents[1] / "cases" / "hostile"
SEED = Path(__file__).parents[1] / "fuzz" / "seeds" / "rows.jsonl"
GOOD, FAILED = (json.loads(line) for line in SEED.read_bytes().splitlines())


def refusal(row):
    with pytest.raises(SettingsError) as caught:
        row_of(encode(row), "rows.jsonl, line 7")
    assert str(caught.value).startswith("rows.jsonl, line 7 ")
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("rows_lacks_column.jsonl", "line 1 lacks the column pixels.status"),
        ("rows_cohort_number.jsonl", "line 1 has 7 in the column cohort"),
    ],
)
def test_a_file_of_rows_that_was_edited_names_line_and_column(name, says):
    with pytest.raises(SettingsError, match=says):
        list(Lines(CASES / name).rows())


@pytest.mark.parametrize("row", [GOOD, FAILED])
def test_rows_as_they_were_written_pass(row):
    assert row_of(encode(row), "x") == row


def test_a_row_of_a_file_whose_name_is_not_valid_text_passes():
    row = GOOD | {"path": "/s/\udcff.svs", "slide.path": "/s/\udcff.svs"}
    assert row_of(encode(row), "x") == row


def test_a_row_of_an_earlier_version_may_lack_what_was_added_later():
    older = {name: value for name, value in GOOD.items() if not name.startswith("ruler.")}
    del older["process.rest_mib"]
    assert row_of(encode(older), "x") == older


@pytest.mark.parametrize("name", list(columns()))
@pytest.mark.parametrize("value", [[["x"]], {"a": {"b": 1}}, -1, "x", True, 10**30])
def test_a_value_of_another_type_is_summed_up_or_refused_but_never_a_traceback(name, value):
    sentence = None
    try:
        row = row_of(encode(GOOD | {name: value}), "rows.jsonl, line 7")
        markdown(summarize([row]))
    except SettingsError as error:
        sentence = str(error)
    if sentence is not None:
        assert f"in the column {name} " in sentence or "not a row" in sentence


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"scale": -2.0}, "has -2.0 in the column scale (it must be above 0)"),
        ({"mpp_interval": [0.0, 1.0]}, "in the column mpp_interval"),
        ({"pixels.octaves": 1e300, "pixels.status": "conflict"}, "in the column pixels.octaves"),
        ({"verdict": None}, "neither an answer nor an error"),
        ({"scanner": "x" * 10**6, "cohort": 3}, "has 3 in the column cohort"),
    ],
)
def test_values_that_no_slide_has_are_refused(change, says):
    sentence = refusal(GOOD | change)
    assert says in sentence
    assert len(sentence) < 400


@pytest.mark.parametrize("line", [b"[" * 99999, b"9" * 9999, b'{"path": 3}\n', b"\xff\n", b"null"])
def test_what_is_no_row_at_all_is_refused(line):
    with pytest.raises(SettingsError, match="line 7 is not a row of wsi-scale batch"):
        row_of(line, "rows.jsonl, line 7")
