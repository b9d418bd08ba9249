"""Numbers on the command line, refused in one sentence."""

from __future__ import annotations

import typer


def whole_number(text: str | int) -> int:
    """The whole number of an option. Raises typer.BadParameter for anything else."""
    try:
        return int(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no whole number") from None


def number(text: str | float) -> float:
    """The number of an option. Raises typer.BadParameter for anything else."""
    try:
        return float(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no number") from None
