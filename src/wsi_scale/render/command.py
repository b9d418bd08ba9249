"""The command line that reproduces a report."""

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
    "region_origin": "--region-origin",
    "region_class": "--region-class",
    "mpp": "--mpp",
    "mpp_from": "--mpp-from",
    "reader": "--reader",
    "seed": "--seed",
    "colour_fit": "--free-colour",
    "trust_metadata": "--trust-metadata",
    "ruler": "--ruler",
}


def command(
    report: Report,
    asked: Settings,
    *,
    device: str = "auto",
    region: str | None = None,
    json: str | None = None,
) -> str:
    """The shell command that writes the same JSON as the report, except for the provenance.

    asked: the settings with which the run started. (Those in the report also hold what the
    network's card filled in; the command fills that in by itself.) device: where the network ran.
    region: a file to name instead of the one that the run read; it must hold the same polygons.
    json: where the command writes its report. Raises SettingsError when no command can do it: the
    slide was an array, or a setting has no command-line option.
    """
    if report.slide.reader == "array":
        raise SettingsError(
            "the slide is an image in memory, so no command can name it; save it to a file and "
            "open that"
        )
    usual = Settings().model_dump(mode="json")
    given = {k: v for k, v in asked.model_dump(mode="json").items() if v != usual[k]}
    if region is not None:
        given["region"] = region
    unknown = sorted(set(given) - set(_OPTIONS))
    if unknown:
        raise SettingsError(f"{unknown[0]} was set in Python and has no command-line option")
    words = ["wsi-scale", "estimate", report.slide.path, "--network", report.network.spec]
    for name, option in _OPTIONS.items():
        if name in given:
            between = "," if name == "mpp" else ":"
            words += _words(option, given[name], between)
    words += [] if device == "auto" else ["--device", device]
    words += [] if json is None else ["--json", json]
    return shlex.join(words)


def _words(option: str, value: Any, between: str) -> list[str]:
    """An option as words of a command line. Numbers keep every digit."""
    if isinstance(value, bool):
        return [option if value else option.replace("--", "--no-", 1)]
    if isinstance(value, list | tuple):
        return [option, between.join(_word(part) for part in value)]
    return [option, _word(value)]


def _word(value: Any) -> str:
    return repr(value).removesuffix(".0") if isinstance(value, float) else str(value)
