"""Lay the pages out for Sphinx: ``python docs/site/lay_out.py FOLDER``.

Every page goes into the folder with its links turned, with the pages from outside docs/ and the
pictures they show. The first page gets the table of contents, the page of public names their
docstrings.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from api_page import directives
from links import ROOT, pages, turn_links

CONTENTS = {
    "Start here": "questions tutorial pathologists foundation-models ten-commands gallery",
    "Concepts and glossary": "glossary metadata explain",
    "How good is it": "how-good tissue estimators estimators-drawn networks published performance "
    "evaluate",
    "The dock": "dock napari",
    "The command line": "command-line cli",
    "Python": "python api",
    "Pipelines and exports": "interop tiles map install",
    "Many slides": "batch",
    "Add your own": "formats cards adding-a-network-source adding-a-reader adding-an-estimator "
    "adding-an-export architecture decisions",
    "The thesis": "thesis thesis-details",
    "Reliability": "reliability trust",
    "Changelog": "changelog releasing",
}


def contents() -> str:
    """The table of contents, which the theme shows beside every page."""
    return "".join(
        "\n```{toctree}\n:hidden:\n:caption: "
        + title
        + "\n\n"
        + "\n".join(names.split())
        + "\n```\n"
        for title, names in CONTENTS.items()
    )


def lay_out(folder: Path) -> None:
    """Write everything that the site is made of into an empty folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    brought: set[str] = set()
    for page, source in pages().items():
        text = turn_links((ROOT / source).read_text(encoding="utf-8"), source, brought)
        text = text.replace("```mermaid\n", "```text\n")  # its drawing would need a script
        more = {"index.md": contents, "api.md": directives}.get(page, str)()
        (folder / page).write_text(text + more, encoding="utf-8")
    for picture in brought:
        target = folder / picture.removeprefix("docs/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / picture, target)


if __name__ == "__main__":
    lay_out(Path(sys.argv[1]))
