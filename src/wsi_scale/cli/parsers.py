"""Parsers of what stands behind an option: wrong numbers are refused in one sentence."""

from __future__ import annotations

import typer

from wsi_scale.errors import SettingsError
from wsi_scale.slide.metadata import parse_mpp


def whole_number(text: str | int) -> int:
    """The whole number of an option. Raises typer.BadParameter for anything else.

    >>> whole_number("46")
    46
    """
    try:
        return int(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a whole number") from None


def number(text: str | float) -> float:
    """The number of an option. Raises typer.BadParameter for anything else.

    >>> number("0.25")
    0.25
    """
    try:
        return float(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a number") from None


def pixel_size(text: str | float) -> float | tuple[float, float]:
    """The µm/px of --mpp, one number or X,Y. Raises typer.BadParameter for anything else.

    >>> pixel_size("0.25"), pixel_size("0.25,0.26")
    (0.25, (0.25, 0.26))
    """
    try:
        return parse_mpp(str(text))
    except SettingsError as error:
        raise typer.BadParameter(str(error)) from None
