"""Foreign text reaches terminals, tables and spreadsheets only as text."""

import pytest

from wsi_scale.errors import SlideError, one_line, visible
from wsi_scale.plumbing.plain_text import cell, csv_text, parse_json
from wsi_scale.plumbing.tables import Table


def test_codes_for_a_terminal_are_written_out():
    told = visible("a\x1b]0;title\x07\x9b31m\u202etxt\u2028")
    assert told == "a\\x1b]0;title\\x07\\x9b31m\\u202etxt\\u2028"
    assert visible("µm × 2 – “ok”\n") == "µm × 2 – “ok”\n"


def test_an_error_is_one_line_without_codes_and_not_endless():
    error = SlideError("a\nfake.svs ok \x1b[2J" + "x" * 9999 + " end")
    assert "\n" not in str(error)
    assert "\x1b" not in str(error)
    assert len(str(error)) <= 1000
    assert str(error).endswith(" end")


def test_a_name_is_no_markup_and_no_column_of_a_table():
    assert cell("a|b\n| fake | row |") == "a\\|b \\| fake \\| row \\|"
    assert "<script>" not in cell("<script>alert(1)</script>.svs")
    assert cell("[x](javascript:1)").startswith("\\[x")


@pytest.mark.parametrize("name", ["=1+1.tif", "+a", "-a", "@a", "\ta"])
def test_a_slide_is_no_formula_of_a_spreadsheet(name):
    assert csv_text(name) == f"'{name}"
    table = Table("t", ("slide", "octaves"), ((name, -0.5),), "")
    assert f"'{name}" in table.csv
    assert ",-0.5" in table.csv, "numbers stay numbers"


def test_one_line_keeps_both_ends_of_what_it_cuts():
    assert one_line("ab" * 50 + "z", most=11) == "ababa…babaz"[:6] + "bababz"[-5:]


@pytest.mark.parametrize("text", ["[" * 99999, "9" * 5000, "{", b"\xff"])
def test_json_that_cannot_be_read_is_a_value_error(text):
    with pytest.raises(ValueError):  # noqa: PT011  (that it is no other error is the point)
        parse_json(text)
