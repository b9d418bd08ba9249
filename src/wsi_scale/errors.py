"""Errors that a user can fix.

Each message is one sentence: what happened, which value caused it, what to do.
"""


class WsiScaleError(Exception):
    """Base of all errors that the input causes. The command line prints it and exits with 2."""


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
