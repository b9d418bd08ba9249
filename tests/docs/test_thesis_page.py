"""The page on the thesis shows the thesis's own numbers, and ours as they were measured."""

import importlib.util
import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]


def load(name):
    path = ROOT / "docs" / "site" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


thesis = load("thesis_tables")
PAGE = thesis.PAGE.read_text(encoding="utf-8")


def test_the_five_tables_are_the_facts_beside_what_was_measured():
    assert thesis.fill(PAGE) == PAGE


@pytest.mark.parametrize("name", [f"Table {n}" for n in range(1, 6)])
def test_every_table_has_a_line_of_the_thesis_and_one_of_ours(name):
    text = thesis.tables()[name]
    assert text in PAGE
    assert "thesis" in text
    assert "here" in text


def test_table_5_of_the_facts_gives_the_counts_of_tables_2_to_4():
    """Typed numbers that contradict each other would show here."""
    facts = thesis.facts()
    answers = [x for row in facts["table5"].values() for x in row]
    at = facts["tables2to4"]["sigma"].index(8)
    assert len(answers) == 20
    assert sum((x - 5) ** 2 for x in answers) == pytest.approx(facts["table2"]["50"][at])
    assert sum(abs(x - 5) <= 1 for x in answers) == facts["table4"]["50"][at]
    strictly = sum(4.5 < x < 5.5 for x in answers)
    assert strictly == facts["table3"]["50"][at]
    both = sum(4.5 <= x <= 5.5 for x in answers)
    assert f"that are exactly 4.5; with them it is {both}." in PAGE


def test_our_count_is_told_with_and_without_answers_on_the_end():
    ours = [float(row[thesis.NETWORK]) for row in thesis.read("table5.csv")[:20]]
    inside = sum(4.5 <= round(x, 3) <= 5.5 for x in ours)
    strictly = sum(4.5 < round(x, 3) < 5.5 for x in ours)
    assert f"Our {inside} counts one that is exactly 4.5; without it, it is {strictly}." in PAGE


def test_author_and_title_are_the_same_wherever_the_thesis_is_cited():
    reference = thesis.facts()["reference"]
    text = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    (cited,) = yaml.safe_load(text)["references"]
    (author,) = cited["authors"]
    assert f"{author['given-names']} {author['family-names']}" == reference["author"]
    assert cited["title"] == reference["title"]
    assert cited["year"] == reference["year"]
    for key, words in reference.items():
        if key.startswith(("author", "title", "supervisor")):
            assert words in PAGE, key
            assert key == "author" or words in text, key


def test_every_figure_of_the_thesis_is_named():
    section = PAGE.split("## Its figures")[1].split("##")[0]
    assert re.findall(r"^\| (\d+) \|", section, re.MULTILINE) == [str(n) for n in range(1, 11)]
