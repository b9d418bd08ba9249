"""The SPEC that names a network: ``TARGET`` or ``TARGET?key=value&key=value``."""

from __future__ import annotations

import os
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
    "output": "output_key",
}
"""Keys of a query that set a key of the card; all others are passed to the factory."""

_FACTORY = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")


_HOME = re.compile(r"(?:^|(?<==))~[\w.-]*(?=[/\\])")
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


@dataclass(frozen=True)
class Spec:
    """The parts of a SPEC."""

    text: str
    """The whole SPEC, as given."""
    target: str
    """The part before the question mark."""
    overrides: Mapping[str, Any]
    """Keys of the card that the query sets."""
    arguments: Mapping[str, Any]
    """All other keys of the query: keyword arguments of the factory."""

    def refuse_arguments(self, what: str) -> None:
        """Raise NetworkError if the query has keys that would be ignored."""
        if self.arguments:
            raise NetworkError(
                f"{self.text}: {what} does not take {next(iter(self.arguments))!r}; "
                f"choose from {', '.join(OURS)}"
            )

    def refuse_weights(self, what: str) -> None:
        """Raise NetworkError if the query names weights for a network that has its own."""
        if "weights" in self.overrides:
            raise NetworkError(f"{self.text}: {what} has its own weights; remove weights=")


def parse_spec(text: str) -> Spec:
    """The parts of a SPEC.

    Parameters
    ----------
    text : str
        ``TARGET`` or ``TARGET?key=value&key=value``.

    Returns
    -------
    Spec
        Target, the card's keys that the query sets, and arguments of the factory.

    Raises
    ------
    NetworkError
        When there is no target, the query is not a list of key=value, or a key is given twice.

    Examples
    --------
    >>> spec = parse_spec("timm:resnet18?num_classes=2&mpp=0.5")
    >>> spec.target, spec.overrides, spec.arguments
    ('timm:resnet18', {'training_mpp': 0.5}, {'num_classes': 2})
    """
    target, mark, query = text.partition("?")
    if not target:
        raise NetworkError(f"the SPEC {text!r} names no network; see wsi-scale networks")
    refuse_address(target)
    overrides: dict[str, Any] = {}
    arguments: dict[str, Any] = {}
    for item in query.split("&") if mark and query else ():
        key, equals, value = item.partition("=")
        if not key or not equals:
            raise NetworkError(f"{text}: {item!r} is not key=value")
        if key in arguments or OURS.get(key) in overrides:
            raise NetworkError(f"{text}: {key} is given twice")
        if key in ("weights", "layers", "output") and not value.startswith(("[", '"', "'")):
            overrides[OURS[key]] = value
            refuse_address(value)
        elif key in OURS:
            overrides[OURS[key]] = parse_literal(value)
        else:
            arguments[key] = parse_literal(value)
    return Spec(text, target, overrides, arguments)


def expand_home(text: str) -> str:
    """The SPEC with ``~`` at the start of a path replaced by the home folder.

    >>> expand_home("a.b:build?weights=~/w.pt").startswith("a.b:build?weights=~")
    False
    """
    return _HOME.sub(lambda found: os.path.expanduser(found[0]), text)


def refuse_address(path: str) -> None:
    """Raise NetworkError if a path is an address such as ``https://…`` or ``s3://…``."""
    if _ADDRESS.match(path):
        raise NetworkError(
            f"{path} is an address, and wsi-scale downloads nothing from there; download the file "
            "first and give its path"
        )


def parse_literal(text: str) -> Any:
    """The value of a TOML literal.

    Parameters
    ----------
    text : str
        A TOML literal, ``none`` or any other text.

    Returns
    -------
    Any
        The literal's value; None for ``none``; the text itself if it is not a literal.

    Examples
    --------
    >>> parse_literal("2"), parse_literal("[0.5, 1]"), parse_literal("true")
    (2, [0.5, 1], True)
    >>> parse_literal("none"), parse_literal("resnet18")
    (None, 'resnet18')
    """
    if text == "none":
        return None
    try:
        values = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):  # not TOML, or deeper or longer than Python reads
        return text
    return values["value"] if set(values) == {"value"} else text


def is_factory(target: str) -> bool:
    r"""True for ``package.module:factory``; a drive letter does not count.

    >>> is_factory("my.nets:build"), is_factory(r"C:\nets"), is_factory("C:nets")
    (True, False, False)
    """
    return _FACTORY.fullmatch(target) is not None and target.index(":") > 1
