"""Text from files and names, made fit for a table or a spreadsheet, and JSON from anywhere.

A file may hold anything where a name or a sentence is expected: codes that move the cursor, line
breaks that fake a line of a table, a megabyte of one word.
"""

from __future__ import annotations

import json
from html import escape
from typing import Any

from wsi_scale.errors import one_line, visible

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def cell(text: str) -> str:
    """Foreign text for a table of Markdown: one line that is neither markup nor a column.

    >>> cell("a|b <script>")
    'a\\\\|b &lt;script&gt;'
    """
    line = one_line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    for mark in ("|", "[", "`"):
        line = line.replace(mark, f"\\{mark}")
    return line.encode(errors="backslashreplace").decode()


def html_text(text: str) -> str:
    r"""Foreign text for a page: no markup and no codes.

    >>> html_text("a <b> \x1b[2J")
    'a &lt;b&gt; \\x1b[2J'
    """
    return escape(visible(text))


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
