"""Options that several commands share; numbers refused in one sentence."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from wsi_scale.errors import SettingsError

CORES = os.cpu_count() or 1


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


SlideArgument = Annotated[
    str, typer.Argument(metavar="SLIDE", help="Slide or image file, or synthetic:figures.")
]
ReaderOption = Annotated[str | None, typer.Option(help="Force a reader instead of picking one.")]
JsonOption = Annotated[
    str | None, typer.Option("--json", metavar="FILE", help="Write JSON there; - is stdout.")
]
MppOption = Annotated[
    float | None,
    typer.Option(
        metavar="X", parser=number, help="µm per level-0 pixel; wins over what the slide says."
    ),
]
SeedOption = Annotated[
    int, typer.Option(metavar="N", parser=whole_number, help="Same seed, same result.")
]
WorkersOption = Annotated[
    int,
    typer.Option(metavar="N", parser=whole_number, help="Processes; default: one per core."),
]


def check_workers(workers: int) -> None:
    """Raise SettingsError for fewer than one."""
    if workers < 1:
        raise SettingsError(f"at least 1 worker is needed, got {workers}")
