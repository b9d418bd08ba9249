"""A guard for the moment in which a library parses a file of the user's.

Parsers raise anything at a damaged file: KeyError, struct.error, MemoryError, … So every exception
there means a damaged file. Keep the guarded lines to the library's call: a mistake of ours must
still show its traceback.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike

from wsi_scale.errors import NetworkError, WsiScaleError
from wsi_scale.networks.wording import brief


@contextmanager
def parsing(path: str | PathLike[str], wanted: str) -> Iterator[None]:
    """While open, whatever is raised becomes one sentence: the file is not what was wanted.

    wanted: what the file should be, with its article. Our own errors pass unchanged.

    >>> with parsing("net.ckpt", "a checkpoint"):
    ...     b"".index(b"PK")
    Traceback (most recent call last):
    wsi_scale.errors.NetworkError: net.ckpt is not a checkpoint or is damaged: ValueError: subsection not found
    """  # noqa: E501
    try:
        yield
    except WsiScaleError:
        raise
    except Exception as error:
        raise NetworkError(f"{path} is not {wanted} or is damaged: {brief(error)}") from error
