"""One page that needs nothing else, safe against whatever a slide is called."""

import base64
import os
from html.parser import HTMLParser

import pytest

from wsi_scale.errors import OutputError
from wsi_scale.render.html import page, write_html
from wsi_scale.report import Report

VOID = {"meta", "img", "br", "link"}


class Page(HTMLParser):
    """What a browser would find; fails on tags that are not closed in order."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.scripts, self.text = [], [], [], ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] == "script":
            self.scripts.append(data)
        else:
            self.text += data

    def attributes(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


def test_every_verdict_has_a_page_whose_tags_close(any_report):
    found = Page(page(any_report, b"png"))
    assert any_report.verdict.replace("_", " ") in found.text
    assert any_report.reason in found.text


def test_the_report_travels_inside_the_page(any_report):
    found = Page(page(any_report, b"png"))
    assert Report.from_json("".join(found.scripts)) == any_report
    assert found.attributes("script")[0]["type"] == "application/json"


@pytest.mark.parametrize(
    "nasty", ["<b>.svs", '"><script>alert(1)</script>', "</script><!--", "a&amp;b'c"]
)
def test_names_and_messages_are_text_and_never_markup(nasty, make_report):
    report = make_report(
        slide={"path": nasty},
        network={"spec": nasty, "name": nasty},
        reason=nasty,
        warnings=[nasty],
        voices={nasty: 3.0},
        classes=[{"name": nasty, "scale": None, "scale_interval": None}],
    )
    plain, found = Page(page(make_report(), b"png")), Page(page(report, b"png"))
    assert {tag for tag, _ in found.tags} <= {tag for tag, _ in plain.tags} | {"ul", "li"}
    assert len(found.attributes("script")) == 1
    assert found.text.count(nasty) >= 4
    assert Report.from_json("".join(found.scripts)).slide.path == nasty


def test_the_figure_is_inside_and_has_a_text_alternative(make_report):
    image = Page(page(make_report(), b"\x89PNG...")).attributes("img")[0]
    kind, _, data = image["src"].partition(",")
    assert kind == "data:image/png;base64"
    assert base64.b64decode(data) == b"\x89PNG..."
    assert "scale 4.02" in image["alt"]


def test_nothing_is_loaded_from_elsewhere(any_report):
    for tag, attributes in Page(page(any_report, b"png")).tags:
        assert tag != "link"
        assert "href" not in attributes
        assert attributes.get("src", "data:").startswith("data:")


def test_language_title_and_headers_are_there_for_a_screen_reader(make_report):
    found = Page(page(make_report(), b"png"))
    assert found.attributes("html")[0]["lang"] == "en"
    assert "title" in {tag for tag, _ in found.tags}
    assert all("scope" in attributes for attributes in found.attributes("th"))


def test_the_sites_are_collapsed(make_report):
    assert "<details>\n<summary>Sites (2)</summary>" in page(make_report(), b"png")


def test_the_objective_is_never_given_as_a_resolution(make_report):
    found = Page(page(make_report(mpp=None), b"png"))
    assert "nominal" in found.text
    assert "not known" in found.text


def test_it_is_written_whole_or_not_at_all(tmp_path, make_report):
    write_html(make_report(), b"png", tmp_path / "report.html")
    assert os.listdir(tmp_path) == ["report.html"]
    with pytest.raises(OutputError, match="no folder"):
        write_html(make_report(), b"png", tmp_path / "nowhere" / "report.html")


def test_the_pixels_and_levels_as_they_are_have_their_rows_and_nothing_is_said_twice(make_report):
    field = {"source": "tiff.XResolution", "mpp": 0.5, "octaves": 0.0, "status": "agree"}
    reason = "the tissue suggests 0.5 µm/px, which conflicts with the stated 0.25"
    audited = {
        "status": "conflict",
        "claimed_mpp": 0.25,
        "claimed_source": "aperio.MPP",
        "slide_mpp": 0.5,
        "slide_mpp_interval": (0.4, 0.6),
        "octaves": -1.0,
        "fields": [field],
        "reason": reason,
    }
    one = {"level": 1, "downsample": 4.0, "agreement": 0.97, "kind": "dice", "work": 0.82}
    report = make_report(
        pixels=audited, as_is=[one | {"sites": 8}], like_power=(5, 10), warnings=[reason]
    )
    text = page(report, b"").partition('<script type="application/json"')[0]
    assert text.count(reason) == 1
    assert ">conflict</td>" in text
    assert "+0.00" in text
    assert "like 5–10×" in text
    assert "Level 1 as it is (×4)" in text
    assert "would keep a Dice of 0.97 and cost 0.82 times as much (8 sites)" in text
