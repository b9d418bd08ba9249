"""One folder, one run: what was asked is written down, and nothing else may be mixed in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from wsi_scale.errors import SettingsError
from wsi_scale.files import write_atomically


def claim(note: Path, asked: dict[str, Any]) -> None:
    """Write ``asked`` into the note of a new folder, or see that it is what the note says.

    Raises SettingsError, one sentence, for a folder of another run or with other files.
    """
    refuse_others(note, asked)
    if note.exists():
        return
    try:
        note.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(
            f"cannot make {note.parent}: {error.strerror}; choose another"
        ) from error
    write_note(note, {"asked": asked})


def refuse_others(note: Path, asked: dict[str, Any]) -> None:
    """What ``claim`` refuses, and nothing is written."""
    folder = note.parent
    if note.exists():
        for key, value in asked.items():
            before = read_note(note)["asked"].get(key)
            if before != value:
                raise SettingsError(
                    f"{folder} was made with {key} {before}, not {value}; choose another folder"
                )
        return
    if folder.exists() and not folder.is_dir():
        raise SettingsError(f"{folder} is a file; choose another folder")
    if folder.is_dir() and any(folder.iterdir()):
        raise SettingsError(f"{folder} holds other files; choose another folder")


def read_note(note: Path) -> dict[str, Any]:
    """What the note holds. Raises SettingsError when it is damaged."""
    try:
        content = json.loads(note.read_text(encoding="utf-8"))
        if isinstance(content["asked"], dict):
            return dict(content)
    except (OSError, ValueError, KeyError, TypeError):
        pass
    raise SettingsError(f"{note} is damaged; choose another folder")


def write_note(note: Path, content: dict[str, Any]) -> None:
    """Replace the note."""
    write_atomically(note, json.dumps(content, indent=1) + "\n")
