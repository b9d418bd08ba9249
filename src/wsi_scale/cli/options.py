"""Options that several commands share; wrong numbers are refused in one sentence."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from inspect import Parameter, Signature, signature
from typing import Annotated, Any

import typer

from wsi_scale.cli.new_settings import with_new_settings
from wsi_scale.cli.parsers import number, pixel_size, whole_number
from wsi_scale.cli.settings_file import SettingsFileOption
from wsi_scale.errors import SettingsError
from wsi_scale.pipeline.settings import Settings, make_settings

CORES = os.cpu_count() or 1


SlideArgument = Annotated[
    str,
    typer.Argument(
        metavar="SLIDE",
        help="Slide or image file, OME-Zarr folder, or a drawn slide such as synthetic:figures.",
    ),
]
ReaderOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Open the slide with this reader, such as openslide or tiffslide. Default: chosen "
        "from the file.",
    ),
]
JsonOption = Annotated[
    str | None,
    typer.Option(
        "--json",
        metavar="FILE",
        help="Write the result to FILE as JSON. With - it goes to stdout in place of the text.",
    ),
]
MppOption = Annotated[
    Any,
    typer.Option(
        metavar="X|X,Y",
        parser=pixel_size,
        help="Size of a level-0 pixel in µm, or its width and height. Overrides what the slide "
        "states.",
    ),
]
MppFromOption = Annotated[
    str | None,
    typer.Option(metavar="TEXT", help="How the value of --mpp was found. Only recorded."),
]
SeedOption = Annotated[
    int,
    typer.Option(
        metavar="N",
        parser=whole_number,
        help="Seed of all random choices. The same seed gives the same result.",
    ),
]
WorkersOption = Annotated[
    int,
    typer.Option(
        metavar="N",
        parser=whole_number,
        help="Number of processes. Default: one per core.",
        show_default=False,
    ),
]


EstimatorOption = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="Method that reads the scale from the network's responses, or ruler: from the µm/px "
        "of network and slide. auto chooses one; docs/estimators.md describes all.",
    ),
]
ProfileOption = Annotated[
    str | None,
    typer.Option(
        metavar="FILE",
        help="Profile file from `wsi-scale calibrate`. Default: the one the card names.",
    ),
]
TargetOption = Annotated[
    str | None,
    typer.Option(
        metavar="CLASS",
        help="Class whose score is used, by name or number. Default: the predicted class.",
    ),
]
ScalesOption = Annotated[
    str,
    typer.Option(
        metavar="LO:HI",
        help="Smallest and largest scale to search. HI is lowered if a patch at that scale would "
        "not fit on the slide.",
    ),
]
PerOctaveOption = Annotated[
    float,
    typer.Option(
        metavar="N", parser=number, help="Number of scales per octave (per factor of two)."
    ),
]
DenseOption = Annotated[
    bool,
    typer.Option(
        "--dense",
        help="Measure all scales. By default a few spread-out scales are measured first, then "
        "those near the best. Slower.",
    ),
]
SitesOption = Annotated[
    int,
    typer.Option(
        metavar="N",
        parser=whole_number,
        help="Number of places on the slide to measure. The verdict ok needs at least 16.",
    ),
]
PrecisionOption = Annotated[
    float | None,
    typer.Option(
        metavar="P",
        parser=number,
        help="Stop before N sites once the 90 % interval reaches at most this share above and "
        "below the scale. 0.1 means 10 %.",
    ),
]
FreeColourOption = Annotated[
    bool | None,
    typer.Option(
        help="Fit the slide's colours to the training data first, so that stain is not taken for "
        "scale. Several times slower. Default: as the card says."
    ),
]
TrustOption = Annotated[
    bool,
    typer.Option(
        "--trust-metadata",
        help="Search only within a factor of two of the scale that follows from the µm/px of "
        "slide and network.",
    ),
]
RulerOption = Annotated[
    bool,
    typer.Option(
        help="Read the size of the slide's pixels from its tissue too, whatever the network, and "
        "compare the metadata with it. About two seconds a slide."
    ),
]
BatchSizeOption = Annotated[
    int,
    typer.Option(
        metavar="N",
        parser=whole_number,
        help="Patches shown to the network at once; halved if memory runs out. Limits memory, "
        "does not change the answer.",
    ),
]
DeviceOption = Annotated[
    str,
    typer.Option(metavar="NAME", help="Device that runs the network: auto, cpu, cuda or mps."),
]


def parse_scales(text: str) -> tuple[float, float]:
    """The window of --scales. Raises SettingsError for anything but LO:HI.

    >>> parse_scales("0.5:16")
    (0.5, 16.0)
    """
    lo, colon, hi = text.partition(":")
    with suppress(ValueError):
        if colon:
            return float(lo), float(hi)
    raise SettingsError(f"--scales must be LO:HI, for example 0.5:16, got {text!r}")


def check_workers(workers: int) -> None:
    """Raise SettingsError for fewer than one worker."""
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
    mpp_from: MppFromOption = None,
    reader: ReaderOption = None,
    seed: SeedOption = 0,
    free_colour: FreeColourOption = None,
    trust_metadata: TrustOption = False,
    ruler: RulerOption = True,
    batch_size: BatchSizeOption = 32,
    settings_file: SettingsFileOption = None,
    **others: Any,
) -> Settings:
    """The settings of a run, from the options that `estimate` and `batch` share.

    settings_file: its values have taken the places of the defaults already.
    """
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
        mpp_from=mpp_from,
        reader=reader,
        seed=seed,
        colour_fit=free_colour,
        trust_metadata=trust_metadata,
        ruler=ruler,
        batch_size=batch_size,
        **others,
    )


settings_of = with_new_settings(settings_of, Settings)


def takes(**makers: Callable[..., Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Replace parameters of a command by the options of functions that make their values.

    ``@takes(settings=settings_of)`` gives a command the options of ``settings_of`` in place of its
    parameter ``settings``. Typer reads the options from the signature, so the command gets a
    signature with both.
    """
    asked = {name: signature(maker, eval_str=True).parameters for name, maker in makers.items()}

    def wrap(command: Callable[..., Any]) -> Callable[..., Any]:
        options: list[Parameter] = []
        for parameter in signature(command, eval_str=True).parameters.values():
            both = asked.get(parameter.name, {parameter.name: parameter}).values()
            options += [one.replace(kind=Parameter.KEYWORD_ONLY) for one in both]

        def with_made(**given: Any) -> Any:
            made = {
                name: makers[name](**{key: given.pop(key) for key in keys})
                for name, keys in asked.items()
            }
            return command(**made, **given)

        with_made.__name__, with_made.__doc__ = command.__name__, command.__doc__
        with_made.__signature__ = Signature(options)  # type: ignore[attr-defined]
        with_made.__annotations__ = {one.name: one.annotation for one in options}
        return with_made

    return wrap
