"""The words on the page and in the dock are those of docs/glossary.md."""

import re
from html import unescape
from pathlib import Path
from typing import get_args

from wsi_scale.judgement.verdicts import Verdict
from wsi_scale.render.glossary import WORDS
from wsi_scale.render.html import page

GLOSSARY = Path(__file__).parents[2] / "docs" / "glossary.md"


def test_every_word_has_the_text_of_the_glossary():
    rows = re.findall(r"^\| (.+?) \| (.+) \|$", GLOSSARY.read_text(encoding="utf-8"), re.MULTILINE)
    explained = {re.sub("[*`]", "", word): re.sub("[*`]", "", text) for word, text in rows}
    for word, text in WORDS.items():
        assert explained[word] == text, f"docs/glossary.md and render/glossary.py differ on {word}"


def test_what_a_reader_of_an_answer_needs_is_explained():
    needed = {"scale", "octave", "mpp, µm/px", "interval", "tolerance", "verdict"}
    needed |= {"window", "response", "reference", "profile"}
    assert needed | set(get_args(Verdict)) <= set(WORDS)
    assert "A larger scale is a coarser view of more tissue." in WORDS["scale"]


def test_the_page_carries_the_words(any_report):
    text = unescape(page(any_report, b"png"))
    assert "<summary>What the words mean</summary>" in text
    assert "docs/glossary.md" in text
    for word, meaning in WORDS.items():
        assert f'<th scope="row">{word}</th><td>{meaning}</td>' in text
