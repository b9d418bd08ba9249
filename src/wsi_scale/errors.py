"""Errors that a user can fix.

Each message is one sentence: what happened, which value caused it, what to do. Names and values
from files are part of it, so it is made one line without codes, whatever they hold.
"""

from __future__ import annotations

import unicodedata

MOST_CHARACTERS = 1000
"""Longest piece of foreign text that is shown."""

_HIDDEN = ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")
"""Unicode's categories of control codes, marks that turn text around, and parts of characters."""


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


class WsiScaleError(Exception):
    """Base of all errors that the input causes. The command line prints it and exits with 2."""

    def __str__(self) -> str:
        return one_line(super().__str__())


class SlideError(WsiScaleError):
    """The slide cannot be opened or read."""


class WrongImageError(SlideError):
    """What a reader could open is not the slide, but a preview of it or a part of its colours.

    No other reader is tried, since the next might show just that.
    """


class SiteError(WsiScaleError):
    """No site fits on the slide or in the region."""


class NoTissueError(SiteError):
    """There is no tissue, for example only glass. In a report this is the verdict ``blank``."""


class NetworkError(WsiScaleError):
    """The network cannot be found, loaded or used."""


class SettingsError(WsiScaleError):
    """An option has a value that cannot be used."""


class OutputError(WsiScaleError):
    """A result cannot be written to the given place."""
