"""How much of a picture may be decoded at once, and how a user raises that."""

from __future__ import annotations

import os

from wsi_scale.errors import SettingsError, SlideError

MOST_MPX = 256
"""Megapixels (2**20 px) decoded at once unless the user raises it: 1 GiB at 4 bytes a pixel."""

VARIABLE = "WSI_SCALE_MOST_MPX"
"""Name of the environment variable that raises it."""

MOST_SIDE = 1 << 24
"""Longest side of a slide, px: 4 m at 0.25 µm/px."""

MOST_SINGLE = 1 << 34
"""Most px of a slide's coarsest level, all of which is read to find tissue: 131 072 squared."""


class TooLargeError(SlideError):
    """A part of the slide is larger than is decoded at once; no other reader could help."""


def most_px() -> int:
    """Pixels that may be decoded at once. Raises SettingsError if the variable is no number.

    >>> most_px() == MOST_MPX << 20 or VARIABLE in os.environ
    True
    """
    asked = os.environ.get(VARIABLE, "").strip() or str(MOST_MPX)
    if not (asked.isascii() and asked.isdigit() and 0 < len(asked) < 10 and int(asked)):
        raise SettingsError(f"{VARIABLE} must be a whole number of megapixels, got {asked[:40]!r}")
    return int(asked) << 20


def check_at_once(path: str, what: str, width: int, height: int) -> None:
    """Raise TooLargeError if a part of a slide that is decoded at once is too large.

    what: the part, for the message, such as ``the image``. width, height: its px.
    """
    most = most_px()
    if width * height > most:
        raise TooLargeError(
            f"{path}: {what} has {width} × {height} px, which must be decoded at once, and at most "
            f"{most >> 20} megapixels are; save it as a tiled pyramid TIFF, or set "
            f"{VARIABLE}={(width * height >> 20) + 1} if there is memory for it"
        )


def check_size(path: str, sizes: list[tuple[int, int]]) -> None:
    """Raise SlideError for a slide larger than any, or too large to be seen as a whole.

    sizes: (width, height) of its levels, finest first.
    """
    for width, height in sizes:
        if not (0 < width <= MOST_SIDE and 0 < height <= MOST_SIDE):
            raise SlideError(
                f"{path} says that it is {width} × {height} px, but a slide has 1 to "
                f"{MOST_SIDE} px along each side; copy it again"
            )
    width, height = sizes[-1]
    if width * height > MOST_SINGLE:
        raise SlideError(
            f"{path}: its coarsest level has {width} × {height} px, too many to look for tissue; "
            "save it as a pyramid"
        )
