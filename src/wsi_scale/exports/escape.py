"""Names of files in text of other languages. A file's name is data: it ends no string or line."""

from __future__ import annotations

import csv
import io
import json
import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

FORMULA = "=+-@\t\r"
"""A spreadsheet takes a cell that begins with one of these for a formula."""


def one_line(text: str) -> str:
    r"""Text for a comment: what ends a line, or cannot be seen, is written as its code.

    Backslashes are doubled, because Groovy reads their codes in comments too.

    >>> print(one_line("a\nb.svs"), one_line("c\\u000ad"))
    a\u000ab.svs c\\u000ad
    """
    return "".join(_seen(c) for c in text.replace("\\", "\\\\"))


def _seen(character: str) -> str:
    if character.isprintable():
        return character
    code = ord(character)
    if code > 0xFFFF:  # Groovy knows no longer code than four digits
        high, low = divmod(code - 0x10000, 0x400)
        return f"\\u{0xD800 + high:04x}\\u{0xDC00 + low:04x}"
    return f"\\u{code:04x}"


def comment(lines: Iterable[str], mark: str = "#") -> str:
    r"""Lines of a comment, each beginning with the mark.

    >>> comment(["one", "two"], "//")
    '// one\n// two\n'
    """
    return "".join(f"{mark} {one_line(line)}\n" for line in lines)


def python(value: Any) -> str:
    r"""The value as Python source of plain ASCII, every digit kept.

    >>> python("it's\n"), python((0.25, None))
    ('"it\'s\\n"', '(0.25, None)')
    """
    return ascii(value)


def python_table(name: str, rows: Sequence[Mapping[str, Any]]) -> str:
    r"""A list of dictionaries as Python source, one per line.

    >>> print(python_table("SLIDES", [{"path": "a.svs", "mpp": 0.5}]), end="")
    SLIDES = [
        {'path': 'a.svs', 'mpp': 0.5},
    ]
    """
    lines = "".join(f"    {python(dict(row))},\n" for row in rows)
    return f"{name} = [\n{lines}]\n"


def groovy(text: str) -> str:
    r"""The text as a Groovy string in single quotes, in which $ means nothing.

    >>> print(groovy("it's $x"))
    'it\'s $x'
    """
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    escaped = escaped.replace("\n", "\\n").replace("\r", "\\r")
    return "'" + "".join(_seen(c) for c in escaped) + "'"


def shell(words: Iterable[str]) -> str:
    """Words of a command line for a POSIX shell.

    >>> shell(["ls", "a b"])
    "ls 'a b'"
    """
    return shlex.join(words)


def path_cell(path: str) -> str:
    """A path for a CSV cell, the same file under a name that no spreadsheet computes.

    >>> path_cell("=1+1.svs"), path_cell("a.svs")
    ('./=1+1.svs', 'a.svs')
    """
    return f"./{path}" if path.startswith(tuple(FORMULA)) else path


def word_cell(text: str) -> str:
    """Words for a CSV cell that no spreadsheet computes.

    >>> word_cell("=1+1"), word_cell("ok")
    ("'=1+1", 'ok')
    """
    return f"'{text}" if text.startswith(tuple(FORMULA)) else text


def csv_text(header: Sequence[str], rows: Iterable[Sequence[str | float | None]]) -> str:
    r"""CSV with a header; a missing value is an empty cell.

    >>> csv_text(["wsi", "mpp"], [['a "b".svs', 0.25]])
    'wsi,mpp\n"a ""b"".svs",0.25\n'
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([["" if x is None else x for x in row] for row in rows])
    return text.getvalue()


def json_text(content: Any) -> str:
    r"""JSON for people and programs.

    >>> json_text({"mpp": 0.5})
    '{\n "mpp": 0.5\n}\n'
    """
    return json.dumps(content, indent=1, allow_nan=False) + "\n"
