"""The command line that gives a report again."""

from __future__ import annotations

import shlex
from typing import Any

from wsi_scale.errors import SettingsError
from wsi_scale.pipeline.settings import Settings
from wsi_scale.report import Report

_OPTIONS = {
    "estimator": "--estimator",
    "profile": "--profile",
    "target": "--target",
    "scales": "--scales",
    "per_octave": "--per-octave",
    "dense": "--dense",
    "sites": "--sites",
    "precision": "--precision",
    "region": "--region",
    "mpp": "--mpp",
    "reader": "--reader",
    "seed": "--seed",
    "colour_fit": "--free-colour",
    "trust_metadata": "--trust-metadata",
}


def command(
    report: Report,
    asked: Settings,
    *,
    device: str = "auto",
    region: str | None = None,
    json: str | None = None,
) -> str:
    """The shell command whose JSON equals the report's, but for the provenance.

    asked: the settings that the run was started with; those in the report hold besides what the
    network's card filled in, which the command does by itself. device: where the network ran.
    region: a file in place of the one that the run read, which must hold the same polygons. json:
    where the command is to write its report.
    Raises SettingsError where no command can: the slide was an array, or a setting was given that
    only Python has.
    """
    if report.slide.reader == "array":
        raise SettingsError(
            "the slide is an image in memory, which no command line can name; save it as a file "
            "and open that"
        )
    usual = Settings().model_dump(mode="json")
    given = {k: v for k, v in asked.model_dump(mode="json").items() if v != usual[k]}
    if region is not None:
        given["region"] = region
    unknown = sorted(set(given) - set(_OPTIONS))
    if unknown:
        raise SettingsError(f"{unknown[0]} was set in Python and has no option on the command line")
    words = ["wsi-scale", "estimate", report.slide.path, "--network", report.network.spec]
    for name, option in _OPTIONS.items():
        if name in given:
            words += _words(option, given[name])
    words += [] if device == "auto" else ["--device", device]
    words += [] if json is None else ["--json", json]
    return shlex.join(words)


def _words(option: str, value: Any) -> list[str]:
    """An option as it is typed. Numbers keep every digit."""
    if isinstance(value, bool):
        return [option if value else option.replace("--", "--no-", 1)]
    if isinstance(value, list | tuple):
        return [option, ":".join(_word(part) for part in value)]
    return [option, _word(value)]


def _word(value: Any) -> str:
    return repr(value).removesuffix(".0") if isinstance(value, float) else str(value)
