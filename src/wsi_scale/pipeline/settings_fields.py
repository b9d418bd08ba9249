"""What a person is asked for each setting: words, kind, range, choices, unit and tip.

All come from the settings class itself, so that a new setting appears in the dock and on the
command line without another line.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

KINDS = (bool, int, float, str)


@dataclass(frozen=True)
class InForm:
    """How a setting is asked for, where its type and docstring do not say it all. Put it into
    ``Annotated``."""

    words: str = ""
    """Its name in a form; empty: the field's name."""
    empty: str = ""
    """What leaving it empty means, for a setting that may be None."""
    unit: str = ""
    choices: Callable[[], Mapping[str, Any]] | None = None
    """Makes the choices: what is shown, and the value behind it."""
    files: str = ""
    """Pattern of the files to choose from, if the value is a path."""
    step: float = 0
    people: bool = True
    """Whether people are asked at all."""


@dataclass(frozen=True)
class SettingField:
    """One setting, as a form or a command line asks for it."""

    name: str
    kind: type
    """bool, int, float or str; tuple for a pair of floats."""
    default: Any
    optional: bool
    """Whether it may be None."""
    low: float | None
    high: float | None
    tip: str
    asked: InForm

    @property
    def words(self) -> str:
        return self.asked.words or self.name.replace("_", " ")


def setting_fields(settings: type[BaseModel]) -> dict[str, SettingField]:
    """The settings that people are asked for, by name, in the order of the class.

    Parameters
    ----------
    settings : type
        A pydantic class with ``use_attribute_docstrings``. Fields of other kinds than bool, int,
        float, str and pairs of floats are left out, and those that are marked
        ``InForm(people=False)``.

    Examples
    --------
    >>> from wsi_scale.pipeline.settings import Settings
    >>> sites = setting_fields(Settings)["sites"]
    >>> sites.kind.__name__, sites.low, sites.high
    ('int', 1, 10000)
    """
    found = (_field(name, info) for name, info in settings.model_fields.items())
    return {one.name: one for one in found if one is not None and one.asked.people}


def _field(name: str, info: FieldInfo) -> SettingField | None:
    kinds = [kind for kind in _members(info.annotation) if kind is not NoneType]
    if len(kinds) != 1:
        return None
    kind = kinds[0]
    if get_origin(kind) is tuple and get_args(kind) == (float, float):
        kind = tuple
    if kind is not tuple and kind not in KINDS:
        return None
    said = next((mark for mark in info.metadata if isinstance(mark, InForm)), InForm())
    return SettingField(
        name,
        kind,
        info.default,
        NoneType in _members(info.annotation),
        _limit(info, "ge", "gt"),
        _limit(info, "le", "lt"),
        " ".join((info.description or "").replace("``", "").split()),
        said,
    )


def _members(annotation: Any) -> tuple[Any, ...]:
    return get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)


def _limit(info: FieldInfo, *names: str) -> float | None:
    for mark in info.metadata:
        for name in names:
            if getattr(mark, name, None) is not None:
                return float(getattr(mark, name)) if name[1] == "t" else getattr(mark, name)
    return None
