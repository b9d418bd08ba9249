"""Errors a user can act on. Each message is one sentence: what, which value, what to do."""


class WsiScaleError(Exception):
    """Base of every error that is the input's fault; the command line prints it and exits 2."""


class SlideError(WsiScaleError):
    """The slide cannot be opened or read."""


class SiteError(WsiScaleError):
    """No place on the slide, or in the region, can be looked at."""


class NoTissueError(SiteError):
    """There is nothing to look at: the verdict ``blank``, not a mistake of the user's."""


class NetworkError(WsiScaleError):
    """The network cannot be found, loaded, fed or understood."""


class SettingsError(WsiScaleError):
    """An option has a value that cannot be used."""


class OutputError(WsiScaleError):
    """A result cannot be written where it was asked for."""
