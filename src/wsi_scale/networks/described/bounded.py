"""JSON and YAML of other people, read as data: bounded in size, depth and repetition."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from wsi_scale.errors import NetworkError
from wsi_scale.networks.wording import brief

MOST_JSON = 8 << 20
"""A JSON description may have at most this many bytes; an index of weights can be large."""
MOST_YAML = 512 << 10
"""A YAML description may have at most this many bytes; real ones stay below a tenth of it."""
MOST_VALUES = 100_000
"""A description may hold at most this many values, repetitions counted."""


def read_json(path: Path) -> dict[str, Any]:
    """The mapping in a JSON file. Raises NetworkError for anything else."""
    text = _read_text(path, MOST_JSON)
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise NetworkError(
            f"{path} is not valid JSON: {brief(error)}; download or copy it again"
        ) from error
    return _mapping(path, found)


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file; only plain values. Raises NetworkError for anything else.

    An alias may repeat a value, but a file that would grow beyond ``MOST_VALUES`` is refused.
    """
    return _mapping(path, parse_yaml(_read_text(path, MOST_YAML), path))


def parse_yaml(text: str, path: Path) -> Any:
    """The value of a YAML text; ``path`` is only named in errors."""
    try:
        found = yaml.safe_load(text)
        count = _count(found, {}, set())
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError, TypeError) as error:
        mark = getattr(error, "problem_mark", None)
        where = "" if mark is None else f" in line {mark.line + 1}"
        raise NetworkError(f"{path} is not valid YAML{where}: {brief(error)}") from error
    if count > MOST_VALUES:
        raise NetworkError(
            f"{path} repeats itself to more than {MOST_VALUES} values, so it is refused; "
            "describe the network in a card.toml"
        )
    return found


def _count(value: Any, known: dict[int, float], open_now: set[int]) -> float:
    """Number of values, counting what an alias repeats; infinite for a value inside itself."""
    if not isinstance(value, dict | list | tuple | set):
        return 1
    key = id(value)
    if key in open_now:
        return math.inf
    if key not in known:
        inner: Iterable[Any] = value.values() if isinstance(value, dict) else value
        open_now.add(key)
        known[key] = 1 + sum(_count(one, known, open_now) for one in inner)
        open_now.discard(key)
    return known[key]


def _read_text(path: Path, most: int) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(most + 1)
        if len(content) > most:
            raise NetworkError(
                f"{path} is larger than {most >> 10} KiB, too large for a description of a "
                "network; name the network's own file"
            )
        return content.decode("utf-8-sig")
    except OSError as error:
        raise NetworkError(f"cannot read {path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise NetworkError(f"{path} is not text in UTF-8") from error


def _mapping(path: Path, found: Any) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise NetworkError(f"{path} holds a {type(found).__name__}, not keys and values")
    return found


def file_inside(folder: Path, name: Any, said_by: Path) -> Path:
    """The file that a description names. Raises NetworkError outside its folder or if missing.

    A link is followed, because caches of downloads consist of links; ``..`` and an absolute path
    are not.
    """
    text = str(name).replace("\\", "/")
    parts = PurePosixPath(text).parts
    if not isinstance(name, str) or not parts or ".." in parts or text.startswith("/"):
        raise NetworkError(
            f"{said_by} names the file {name!r}, which does not lie in its folder; "
            "put the file beside it and correct the name"
        )
    path = folder.joinpath(*parts)
    if not os.path.isfile(path):
        raise NetworkError(
            f"{said_by} names {text}, which is not in {folder}; download the whole folder"
        )
    return path


def number(value: Any, what: str) -> float:
    """A finite number. Raises NetworkError naming ``what`` for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise NetworkError(f"{what} = {value!r} is not a number")
    try:
        found = float(value)
    except OverflowError:
        found = math.inf
    if not math.isfinite(found):
        raise NetworkError(f"{what} is not a finite number")
    return found


def positive(value: Any, what: str) -> float:
    """A number above 0. Raises NetworkError naming ``what`` for anything else."""
    found = number(value, what)
    if found <= 0:
        raise NetworkError(f"{what} = {value!r} must be above 0")
    return found


def whole(value: Any, what: str, least: int = 1) -> int:
    """A whole number, at least ``least``. Raises NetworkError naming ``what`` otherwise."""
    found = number(value, what)
    if found != int(found) or found < least:
        raise NetworkError(f"{what} = {value!r} must be a whole number from {least} up")
    return int(found)


def numbers(value: Any, what: str) -> tuple[float, ...]:
    """One number or a list of them. Raises NetworkError naming ``what`` for anything else."""
    listed = value if isinstance(value, list | tuple) else [value]
    if not listed:
        raise NetworkError(f"{what} is an empty list")
    return tuple(number(one, what) for one in listed)


def entries(value: Any, what: str) -> Sequence[dict[str, Any]]:
    """A list of mappings; none for None. Raises NetworkError naming ``what`` otherwise."""
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise NetworkError(f"{what} is not a list of entries with keys")
    return value
