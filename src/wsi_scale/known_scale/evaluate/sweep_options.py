"""The settings of estimators to try, from options such as ``extrema.sigma=7:15``."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

from pydantic import ValidationError

from wsi_scale.errors import SettingsError
from wsi_scale.estimators import all_estimators, find_estimator
from wsi_scale.estimators.contract import Options

EXAMPLE = "extrema.sigma=7:15 or extrema.keep_percent=40,50,60"
MOST = 1000
"""Largest number of settings of one estimator."""

Setting = dict[str, Any]


def parse_sweeps(texts: Sequence[str]) -> list[tuple[str, Setting]]:
    """Every estimator and setting named by ``ESTIMATOR.OPTION=VALUES``.

    Parameters
    ----------
    texts : Sequence[str]
        VALUES is ``A:B`` (step 1, both ends included), ``A:B:STEP``, or values separated by commas.

    Returns
    -------
    list[tuple[str, dict[str, Any]]]
        (estimator, setting); several options of one estimator give all combinations.

    Raises
    ------
    SettingsError
        For an unknown estimator or option, a value that cannot be used, an option that is given
        twice, or more than 1000 settings of one estimator.

    Examples
    --------
    >>> parse_sweeps(["extrema.sigma=7:8"])
    [('extrema', {'sigma': 7.0}), ('extrema', {'sigma': 8.0})]
    >>> parse_sweeps(["extrema.statistic=mean", "extrema.keep_percent=40"])
    [('extrema', {'statistic': 'mean', 'keep_percent': 40.0})]
    """
    axes: dict[str, dict[str, list[Any]]] = {}
    for text in texts:
        name, option, values = _parse(text)
        if option in axes.setdefault(name, {}):
            raise SettingsError(f"--sweep {name}.{option} is given twice; give all values in one")
        axes[name][option] = values
    out = []
    for name, options in axes.items():
        settings = [dict(zip(options, x, strict=True)) for x in product(*options.values())]
        if len(settings) > MOST:
            raise SettingsError(
                f"--sweep asks for {len(settings)} settings of {name}; {MOST} are allowed"
            )
        out += [(name, setting) for setting in settings]
    return out


UNMEASURED = ("colour_freed", "encoder_only")
"""Options that matter only for colour-freed patches, which a bench does not measure."""


def in_words(setting: Setting) -> str:
    """A setting as text.

    >>> in_words({"sigma": 7.0, "statistic": "mean"})
    'sigma=7 statistic=mean'
    """
    return " ".join(
        f"{key}={value:g}" if isinstance(value, float) else f"{key}={value}"
        for key, value in setting.items()
    )


def options_of(name: str) -> tuple[str, ...]:
    """The options that an estimator uses."""
    return tuple(getattr(all_estimators().get(name), "OPTIONS", ()))


def _parse(text: str) -> tuple[str, str, list[Any]]:
    key, equals, values = text.partition("=")
    name, dot, option = key.strip().partition(".")
    if not (equals and dot and values.strip()):
        raise SettingsError(f"--sweep takes KEY=VALUES, for example {EXAMPLE}; got {text!r}")
    if name == "auto":
        raise SettingsError("--sweep takes one estimator, not auto; for example " + EXAMPLE)
    find_estimator(name)
    known = tuple(x for x in options_of(name) if x not in UNMEASURED)
    if option not in known:
        those = f"it has {', '.join(known)}" if known else "it has none"
        raise SettingsError(f"estimator {name} has no option {option!r} to sweep; {those}")
    return name, option, [_check(option, value) for value in _values(text, values)]


def _values(text: str, values: str) -> list[str | float]:
    if ":" not in values:
        return [value.strip() for value in values.split(",")]
    try:
        ends = [float(x) for x in values.split(":")]
        start, stop, step = ends if len(ends) == 3 else (*ends, 1.0)
        count = int((stop - start) / step + 1e-9) + 1
    except (ValueError, ZeroDivisionError, OverflowError):
        count, step = 0, 0.0
    if not (step > 0 and 0 < count <= MOST):
        raise SettingsError(
            f"--sweep {text}: a range is A:B or A:B:STEP and must rise, for example 7:15"
        )
    return [start + i * step for i in range(count)]


def _check(option: str, value: str | float) -> Any:
    try:
        return getattr(Options.model_validate({option: value}), option)
    except ValidationError as error:
        message = error.errors()[0]["msg"].replace("Input should", "must", 1)
        raise SettingsError(f"--sweep: {option} {message}, got {value!r}") from None
