"""Links of the pages: as they lie in the repository, and as the site has them.

Pages link to files as they lie in the repository, so that they can be read there. For the site, a
link to a file that is a page of it is turned to that page, one to a picture brings the picture
along, and any other leads to the repository, whose address is in pyproject.toml.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
OUTSIDE = {"dock.md": "napari_plugin/README.md", "changelog.md": "CHANGELOG.md"}
"""Page of the site -> file of the repository."""

LINK = re.compile(r"(!?\[[^\]]*\]\()(?!https?:|mailto:)([^)#\s]*)(#[^)\s]*)?\)")
FENCE = re.compile(r"^```(\S*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PICTURES = (".png", ".svg", ".jpg")


def repository() -> str:
    """The address of the repository, from its one place."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        return tomllib.load(file)["project"]["urls"]["Repository"]


def pages() -> dict[str, str]:
    """Every page of the site -> where it lies in the repository."""
    own = {path.name: f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md"))}
    return own | OUTSIDE


def place(source: str, target: str) -> str:
    """Where a link of the file ``source`` leads, as a path in the repository."""
    return os.path.normpath(os.path.join(os.path.dirname(source), target)) if target else source


def prose(text: str) -> Iterator[str]:
    """The parts of a page outside its code blocks."""
    end = 0
    for fence in FENCE.finditer(text):
        yield text[end : fence.start()]
        end = fence.end()
    yield text[end:]


def links(source: str) -> list[tuple[str, str]]:
    """Links of a file that do not leave the repository: path in it, and anchor or ``""``."""
    text = (ROOT / source).read_text(encoding="utf-8")
    found = (match for part in prose(text) for match in LINK.finditer(part))
    return [(place(source, match[2]), (match[3] or "").removeprefix("#")) for match in found]


def anchors(source: str) -> list[str]:
    """What the headings of a page can be linked by, as GitHub and the site name them."""
    text = "".join(prose((ROOT / source).read_text(encoding="utf-8")))
    titles = re.findall(r"^#{1,4} (.+)$", text, re.MULTILINE)
    plain = (re.sub(r"\[([^\]]*)\]\([^)]*\)|[`*]", r"\1", title) for title in titles)
    return [re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in plain]


def turn_links(text: str, source: str, brought: set[str]) -> str:
    """The text of the file ``source`` with links as the site has them.

    Pictures from outside docs/ are added to ``brought``, as paths in the repository.
    """
    by_place = {path: page for page, path in pages().items()}

    def turn(match: re.Match[str]) -> str:
        start, target, anchor = match[1], match[2], match[3] or ""
        if not target:
            return match[0]
        there = place(source, target)
        if there in by_place:
            return f"{start}{by_place[there]}{anchor})"
        if there.endswith(PICTURES):
            brought.add(there)
            return f"{start}{there.removeprefix('docs/')})"
        return f"{start}{repository()}/blob/main/{there}{anchor})"

    parts, end = [], 0
    for fence in FENCE.finditer(text):
        parts += [LINK.sub(turn, text[end : fence.start()]), fence[0]]
        end = fence.end()
    return "".join([*parts, LINK.sub(turn, text[end:])])
