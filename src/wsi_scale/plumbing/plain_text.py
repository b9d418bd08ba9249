"""Text from files and names, made fit for a terminal, a table or a spreadsheet.

A file may hold anything where a name or a sentence is expected: codes that move the cursor, line
breaks that fake a line of a table, a megabyte of one word.
"""

from __future__ import annotations

import json
import unicodedata
from typing import Any

MOST_CHARACTERS = 1000
"""Longest piece of foreign text that is shown."""

_HIDDEN = ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")
"""Unicode's categories of control codes, marks that turn text around, and parts of characters."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def visible(text: str) -> str:
    r"""The text with line breaks and tabs kept and other codes written out.

    >>> visible("red \x1b[31m, back \u202e")
    'red \\x1b[31m, back \\u202e'
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        one.encode("unicode_escape").decode()
        if one not in "\n\t" and unicodedata.category(one) in _HIDDEN
        else one
        for one in text
    )


def one_line(text: object, most: int = MOST_CHARACTERS) -> str:
    r"""Foreign text on one line, without codes, cut in the middle if it is long.

    >>> one_line("a\nslide  \x1b[2J"), one_line("x" * 99, most=9)
    ('a slide \\x1b[2J', 'xxxx…xxxx')
    """
    line = visible(" ".join(str(text).split()))
    if len(line) <= most:
        return line
    half = (most - 1) // 2
    return f"{line[:half]}…{line[-half:]}"


def cell(text: str) -> str:
    """Foreign text for a table of Markdown: one line that is neither markup nor a column.

    >>> cell("a|b <script>")
    'a\\\\|b &lt;script&gt;'
    """
    line = one_line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    for mark in ("|", "[", "`"):
        line = line.replace(mark, f"\\{mark}")
    return line.encode(errors="backslashreplace").decode()


def csv_text(text: str) -> str:
    """A word for a CSV that no spreadsheet takes for a formula.

    >>> csv_text("=1+1.tif"), csv_text("a.tif")
    ("'=1+1.tif", 'a.tif')
    """
    return f"'{text}" if text.startswith(_FORMULA) else text


def parse_json(text: str | bytes) -> Any:
    """What JSON text holds. Raises ValueError, and nothing else, for anything that is not JSON.

    >>> parse_json('{"a": [1, 2]}')
    {'a': [1, 2]}
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
