"""Options for settings that have none written by hand yet."""

from __future__ import annotations

from collections.abc import Callable
from inspect import Parameter, Signature, signature
from typing import Annotated, Any

import typer

from wsi_scale.pipeline.settings import Settings
from wsi_scale.pipeline.settings_fields import setting_fields

OTHER_NAMES = {"colour_fit"}
"""Settings whose option has another name, written by hand."""


def with_new_settings(maker: Callable[..., Any], settings: type[Settings]) -> Callable[..., Any]:
    """The maker of settings, with an option too for every setting that it has none for yet: named,
    described and limited as the class says."""
    known = signature(maker, eval_str=True).parameters
    options = [one for one in known.values() if one.kind is not Parameter.VAR_KEYWORD]
    for field in setting_fields(settings).values():
        if field.kind is not tuple and field.name not in {*known, *OTHER_NAMES}:
            kind = field.kind | None if field.optional else field.kind
            asked = typer.Option(help=field.tip, min=field.low, max=field.high)
            options.append(
                Parameter(
                    field.name,
                    Parameter.KEYWORD_ONLY,
                    default=field.default,
                    annotation=Annotated[kind, asked],
                )
            )

    def make(**given: Any) -> Any:
        return maker(**given)

    make.__signature__ = Signature(options)  # type: ignore[attr-defined]
    return make
