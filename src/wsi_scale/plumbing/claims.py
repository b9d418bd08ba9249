"""Reserves a folder for one run: a note in it records the settings, and other runs are refused."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from wsi_scale.errors import SettingsError
from wsi_scale.plumbing.files import write_atomically
from wsi_scale.plumbing.plain_text import parse_json

_HASH = 64  # hexadecimal digits of a SHA-256


def claim(note: Path, asked: dict[str, Any]) -> None:
    """Write the settings ``asked`` into the note of a new folder, or check that it holds the same.

    Raises SettingsError if the folder belongs to another run or holds other files.
    """
    refuse_others(note, asked)
    if note.exists():
        return
    try:
        note.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(
            f"cannot make {note.parent}: {error.strerror}; choose another folder"
        ) from error
    write_note(note, {"asked": asked})


def refuse_others(note: Path, asked: dict[str, Any]) -> None:
    """Raise SettingsError where ``claim`` would, but write nothing."""
    folder = note.parent
    if note.exists():
        change = first_change(read_note(note)["asked"], asked)
        if change is not None:
            raise SettingsError(f"{folder} was made with {change}; choose another folder")
        return
    if folder.exists() and not folder.is_dir():
        raise SettingsError(f"{folder} is a file; choose another folder")
    if folder.is_dir() and any(folder.iterdir()):
        raise SettingsError(f"{folder} holds other files; choose another folder")


class OnlyRun:
    """Keeps other runs out of a folder from ``take`` to the end of the block.

    It locks the folder itself, so no file is left behind; where the system or the disk has no
    locks, it does nothing.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._handle = folder, -1

    def take(self) -> None:
        """Lock the folder, if it exists. Raises SettingsError if another run has it."""
        if self._handle >= 0 or not self._folder.is_dir():
            return
        try:
            import fcntl
        except ImportError:  # Windows
            return
        with suppress(PermissionError):
            self._handle = os.open(self._folder, os.O_RDONLY)
            try:
                fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise SettingsError(
                    f"another run is writing {self._folder}; wait for it, or choose another folder"
                ) from None
            except OSError:  # a disk without locks
                return

    def __enter__(self) -> Self:
        self.take()
        return self

    def __exit__(self, *_: object) -> None:
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1


def first_change(before: dict[str, Any], now: dict[str, Any]) -> str | None:
    """The first setting that differs, in words; None if none does.

    >>> first_change({"seed": 0}, {"seed": 1})
    'seed 0, not 1'
    """
    was, is_now = _flat(before), _flat(now)
    for key in (*is_now, *was):
        if was.get(key) != is_now.get(key):
            return f"{key} {_word(was.get(key))}, not {_word(is_now.get(key))}"
    return None


def _flat(asked: dict[str, Any]) -> dict[str, Any]:
    """The settings without nesting.

    >>> _flat({"a": {"b": 1}, "c": 2})
    {'a b': 1, 'c': 2}
    """
    out: dict[str, Any] = {}
    for key, value in asked.items():
        inner = value.items() if isinstance(value, dict) else [("", value)]
        out |= {f"{key} {word}".strip(): x for word, x in inner}
    return out


def _word(value: Any) -> str:
    """A value for a sentence; only the first digits of a hash."""
    text = "none" if value is None else str(value)
    return f"{text[:12]}…" if len(text) == _HASH else text


def read_note(note: Path) -> dict[str, Any]:
    """Content of the note. Raises SettingsError if it is damaged."""
    try:
        content = parse_json(note.read_text(encoding="utf-8"))
        if isinstance(content["asked"], dict):
            return dict(content)
    except (OSError, ValueError, KeyError, TypeError):
        pass
    raise SettingsError(
        f"{note} is damaged (its folder was left as it is); restore it from a copy or choose "
        "another folder"
    )


def write_note(note: Path, content: dict[str, Any]) -> None:
    """Replace the note."""
    write_atomically(note, json.dumps(content, indent=1) + "\n")
