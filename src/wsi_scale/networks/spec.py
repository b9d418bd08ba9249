"""The SPEC by which a network is asked for: ``TARGET`` or ``TARGET?key=value&key=value``."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wsi_scale.errors import NetworkError

OURS = {
    "weights": "weights",
    "input_size": "input_size",
    "mean": "mean",
    "std": "std",
    "layers": "layers",
    "mpp": "training_mpp",
    "stain": "stain",
}
"""Keys of a query that are ours, and the card's key each of them sets."""

_FACTORY = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")


@dataclass(frozen=True)
class Spec:
    """A SPEC taken apart."""

    text: str
    """As it was given."""
    target: str
    """What comes before the question mark."""
    overrides: Mapping[str, Any]
    """Keys of the card that the query sets."""
    arguments: Mapping[str, Any]
    """Everything else: keyword arguments of the factory."""

    def refuse_arguments(self, what: str) -> None:
        """Raise NetworkError if the query has keys that nobody would read."""
        if self.arguments:
            raise NetworkError(
                f"{self.text}: {what} takes no {next(iter(self.arguments))!r}; "
                f"there are {', '.join(OURS)}"
            )

    def refuse_weights(self, what: str) -> None:
        """Raise NetworkError if the query names weights for something that carries its own."""
        if "weights" in self.overrides:
            raise NetworkError(f"{self.text}: {what} carries its own weights; drop weights=")


def parse_spec(text: str) -> Spec:
    """Take a SPEC apart. Raises NetworkError for a query that is no list of key=value.

    ``timm:resnet18?num_classes=2&mpp=0.5`` -> target ``timm:resnet18``, overrides
    ``training_mpp=0.5``, arguments ``num_classes=2``.
    """
    target, mark, query = text.partition("?")
    if not target:
        raise NetworkError(f"the SPEC {text!r} names no network; see wsi-scale networks")
    overrides: dict[str, Any] = {}
    arguments: dict[str, Any] = {}
    for item in query.split("&") if mark and query else ():
        key, equals, value = item.partition("=")
        if not key or not equals:
            raise NetworkError(f"{text}: {item!r} is not key=value")
        if key in arguments or OURS.get(key) in overrides:
            raise NetworkError(f"{text}: {key} is given twice")
        if key in ("weights", "layers") and not value.startswith(("[", '"', "'")):
            overrides[OURS[key]] = value
        elif key in OURS:
            overrides[OURS[key]] = parse_literal(value)
        else:
            arguments[key] = parse_literal(value)
    return Spec(text, target, overrides, arguments)


def parse_literal(text: str) -> Any:
    """The value of a TOML literal; ``none`` is None, and what is no literal is a string.

    ``2`` -> 2, ``[0.5, 1]`` -> [0.5, 1], ``true`` -> True, ``resnet18`` -> "resnet18".
    """
    if text == "none":
        return None
    try:
        values = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text
    return values["value"] if set(values) == {"value"} else text


def is_factory(target: str) -> bool:
    """True for ``package.module:factory``; a drive letter (``C:\\nets``, ``C:nets``) is none."""
    return _FACTORY.fullmatch(target) is not None and target.index(":") > 1
