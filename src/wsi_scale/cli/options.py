"""Options that several commands share; numbers refused in one sentence."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from inspect import Parameter, Signature, signature
from typing import Annotated, Any

import typer

from wsi_scale.errors import SettingsError
from wsi_scale.pipeline.settings import Settings, make_settings

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


NetworkOption = Annotated[
    str, typer.Option(metavar="SPEC", help="Network; see `wsi-scale networks`.")
]
EstimatorOption = Annotated[str, typer.Option(help="auto, or one estimator by name.")]
ProfileOption = Annotated[
    str | None,
    typer.Option(metavar="FILE", help="Of `wsi-scale calibrate`; default: the card's, if any."),
]
TargetOption = Annotated[
    str | None, typer.Option(metavar="CLASS", help="Class to look at; default: predicted.")
]
ScalesOption = Annotated[
    str, typer.Option(metavar="LO:HI", help="Window, level-0 px per network px.")
]
PerOctaveOption = Annotated[
    float, typer.Option(metavar="N", parser=number, help="Scales per octave.")
]
DenseOption = Annotated[
    bool, typer.Option("--dense", help="All scales, not only those around the best of a few.")
]
SitesOption = Annotated[
    int,
    typer.Option(metavar="N", parser=whole_number, help="Places to look at; 16 for an ok."),
]
PrecisionOption = Annotated[
    float | None,
    typer.Option(
        metavar="P",
        parser=number,
        help="Stop before N sites when the interval is within this share; 0.1 is 10 %.",
    ),
]
FreeColourOption = Annotated[
    bool | None,
    typer.Option(help="Fit the stain away first; some times slower. Default: the card's."),
]
TrustOption = Annotated[
    bool,
    typer.Option("--trust-metadata", help="Look only near what the µm/px expect."),
]
DeviceOption = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]


def parse_scales(text: str) -> tuple[float, float]:
    """The window of --scales. Raises SettingsError for anything but LO:HI."""
    lo, colon, hi = text.partition(":")
    with suppress(ValueError):
        if colon:
            return float(lo), float(hi)
    raise SettingsError(f"--scales is LO:HI, for example 0.5:16, got {text!r}")


def check_workers(workers: int) -> None:
    """Raise SettingsError for fewer than one."""
    if workers < 1:
        raise SettingsError(f"at least 1 worker is needed, got {workers}")


def settings_of(
    estimator: EstimatorOption = "auto",
    profile: ProfileOption = None,
    target: TargetOption = None,
    scales: ScalesOption = "0.5:16",
    per_octave: PerOctaveOption = 8,
    dense: DenseOption = False,
    sites: SitesOption = 46,
    precision: PrecisionOption = None,
    mpp: MppOption = None,
    reader: ReaderOption = None,
    seed: SeedOption = 0,
    free_colour: FreeColourOption = None,
    trust_metadata: TrustOption = False,
) -> Settings:
    """How a slide is asked, from the options that `estimate` and `batch` share."""
    return make_settings(
        estimator=estimator,
        profile=profile,
        target=target,
        scales=parse_scales(scales),
        per_octave=per_octave,
        dense=dense,
        sites=sites,
        precision=precision,
        mpp=mpp,
        reader=reader,
        seed=seed,
        colour_fit=free_colour,
        trust_metadata=trust_metadata,
    )


def takes_settings(command: Callable[..., int]) -> Callable[..., int]:
    """A command with the options of ``settings_of`` in place of its parameter ``settings``.

    Typer reads options from a signature, so the command gets one that has both.
    """
    shared = signature(settings_of, eval_str=True).parameters
    options: list[Parameter] = []
    for parameter in signature(command, eval_str=True).parameters.values():
        both = list(shared.values()) if parameter.name == "settings" else [parameter]
        options += [one.replace(kind=Parameter.KEYWORD_ONLY) for one in both]

    def with_settings(**given: Any) -> int:
        asked = {name: given.pop(name) for name in shared}
        return command(settings=settings_of(**asked), **given)

    with_settings.__name__, with_settings.__doc__ = command.__name__, command.__doc__
    with_settings.__signature__ = Signature(options)  # type: ignore[attr-defined]
    with_settings.__annotations__ = {one.name: one.annotation for one in options}
    return with_settings
