"""A report shows itself in a notebook, and is one line in a shell."""

import base64
import re


def test_a_cell_shows_the_answer_its_reason_and_its_curve(make_report):
    text = make_report("outside", reason="unlike the training data")._repr_html_()
    assert "unlike the training data" in text
    assert "scale 4.02" in text
    (data,) = re.findall(r'src="data:image/png;base64,([^"]+)"', text)
    assert base64.b64decode(data).startswith(b"\x89PNG")


def test_a_name_is_text_and_never_markup(make_report):
    report = make_report(slide={"path": "<script>.svs"}, warnings=["<b>"])
    text = report._repr_html_()
    assert "<script>" not in text
    assert "<b>" not in text


def test_in_a_shell_it_is_one_line(make_report):
    line = repr(make_report())
    assert line == (
        "Report(slide='slides/example.svs', network='figures', scale=4.02, verdict='ok')"
    )
    assert str(make_report()) == line
