"""Links lead somewhere, without building the site; the ten questions are two clicks away."""

import importlib.util
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SITE = ROOT / "docs" / "site"


def load(name):
    if str(SITE) not in sys.path:
        sys.path.append(str(SITE))  # they import each other, as scripts do
    spec = importlib.util.spec_from_file_location(name, SITE / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


site = load("links")
SOURCES = sorted({"README.md", "training/ruler/README.md", *site.pages().values()})


@pytest.mark.parametrize("source", SOURCES)
def test_a_link_leads_to_a_file_that_is_there_and_to_a_heading_of_it(source):
    for place, anchor in site.links(source):
        assert (ROOT / place).exists(), f"{source} links to {place}"
        if anchor:
            assert anchor in site.anchors(place), f"{source} links to {place}#{anchor}"


def test_headings_are_named_as_github_names_them(tmp_path, monkeypatch):
    monkeypatch.setattr(site, "ROOT", tmp_path)
    (tmp_path / "a.md").write_text("# My PNG has no µm/px. What is it?\n## `--mag` of [x](y.md)\n")
    assert site.anchors("a.md") == ["my-png-has-no-µmpx-what-is-it", "--mag-of-x"]


def test_a_link_that_leaves_the_site_leads_to_the_repository():
    brought = set()
    text = "[a](../src/x.py) ![b](../benchmarks/p.png) [c](../napari_plugin/README.md#install)"
    turned = site.turn_links(text, "docs/page.md", brought)
    home = site.repository()
    assert turned == f"[a]({home}/blob/main/src/x.py) ![b](benchmarks/p.png) [c](dock.md#install)"
    assert brought == {"benchmarks/p.png"}


def test_links_inside_code_stay_as_they_are():
    text = "```\n[a](../src/x.py)\n```\n"
    assert site.turn_links(text, "docs/page.md", set()) == text


def test_every_page_is_in_the_table_of_contents_and_nothing_else():
    listed = [name for names in load("lay_out").CONTENTS.values() for name in names.split()]
    assert len(listed) == len(set(listed))
    assert {f"{name}.md" for name in listed} == set(site.pages()) - {"index.md"}


@pytest.mark.parametrize("name", ["cli_page", "api_page"])
def test_generated_pages_are_up_to_date(name):
    module = load(name)
    assert module.PAGE.read_text(encoding="utf-8") == module.page()


def test_the_page_of_the_command_line_names_every_option():
    import typer

    from wsi_scale.cli import app

    text = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    for command in typer.main.get_command(app).commands.values():
        for one in getattr(command, "commands", {"": command}).values():
            options = [x for x in one.params if x.param_type_name == "option"]
            assert [x.opts[0] for x in options if x.opts[0] not in text] == []


def test_the_site_shows_the_docstring_of_every_public_name():
    import wsi_scale

    text = load("api_page").directives()
    for name in wsi_scale.__all__:
        assert name == "__version__" or re.search(rf":: wsi_scale\.{name}$", text, re.MULTILINE)


QUESTIONS = {  # a word of the question -> what its answer must name
    "has no µm/px": "wsi-scale ruler",
    "Which is right": "--pixels",
    "did this model want": "networks --published",
    "enlarge, or read wider": "Enlarge",
    "--mag": "--for trident",
    "StarDist, Cellpose": "--for stardist",
    "level 0": "nearest_level",
    "How bad": "tolerance",
    "data set says": "pixels.status",
    "mixed tissue": "--region",
}


def clicks_from(first):
    """Page and anchor -> the clicks that lead there."""
    seen, edge = {(first, ""): 0}, [(first, "")]
    for clicks in (1, 2):
        after = []
        for source, _ in edge:
            for place, anchor in site.links(source) if source.endswith(".md") else []:
                for there in ((place, anchor), (place, "")):
                    if there not in seen:
                        seen[there] = clicks
                        after.append(there)
        edge = after
    return seen


@pytest.mark.parametrize("first", ["docs/index.md", "README.md"])
@pytest.mark.parametrize("word", QUESTIONS)
def test_each_of_the_ten_questions_is_answered_within_two_clicks(first, word):
    text = (ROOT / "docs" / "questions.md").read_text(encoding="utf-8")
    (part,) = [x for x in text.split("\n## ")[1:] if word in x.split("\n")[0]]
    (anchor,) = [x for x in site.anchors("docs/questions.md") if x in site_anchor(part)]
    reached = clicks_from(first)
    assert ("docs/questions.md", "") in reached
    if first == "docs/index.md":  # the first page of the site lists them all
        assert reached["docs/questions.md", anchor] == 1
    assert QUESTIONS[word] in part


def site_anchor(part):
    title = part.split("\n")[0].lower()
    return [re.sub(r"[^\w\- ]", "", title).replace(" ", "-")]


def test_there_are_ten_questions():
    text = (ROOT / "docs" / "questions.md").read_text(encoding="utf-8")
    assert len(text.split("\n## ")) - 1 == len(QUESTIONS) == 10


def test_the_page_for_pathologists_holds_no_line_of_code():
    text = (ROOT / "docs" / "pathologists.md").read_text(encoding="utf-8")
    assert "`" not in text
