"""Writes results whole or not at all: a reader never meets half a file."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from wsi_scale.errors import OutputError


def write_atomically(path: str | os.PathLike[str], data: bytes | str) -> None:
    """Write data (text as UTF-8) to path, replacing what was there only once all is written.

    Raises OutputError, one sentence: no such folder, path is a folder, may not be written, disk
    full. A link keeps pointing where it points; a device or pipe is written straight to.
    """
    with replacing(path) as file:
        file.write(data.encode() if isinstance(data, str) else data)


@contextmanager
def replacing(path: str | os.PathLike[str], *, alone: bool = False) -> Iterator[BinaryIO]:
    """Open a new file beside path for writing; it takes path's place when the block ends well.

    When the block raises, path is as it was and the new file is gone. The new file is on the disk
    before it takes the place, so after a power cut too path is the old one or the new one. Only an
    OSError becomes an OutputError; whatever else the block raises passes through.

    alone: nobody else writes path meanwhile, so the new file has one name, and what a run that was
    killed left of it is swept away.
    """
    try:
        if _is_stream(path):
            with Path(path).open("wb") as stream:
                yield stream
            return
        target = Path(os.path.realpath(path))
        _check_place(path, target)
        part = target.with_name(f".{target.name}.part") if alone else _part_beside(target)
        if alone:
            part.unlink(missing_ok=True)
        try:
            with part.open("xb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            part.replace(target)
            sync_folder(target.parent)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error


def sync_folder(folder: str | os.PathLike[str]) -> None:
    """Have the system write down which files the folder holds, where it can."""
    with suppress(OSError):  # not a thing of every system
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _is_stream(path: str | os.PathLike[str]) -> bool:
    """True for what exists and is neither a file nor a folder, e.g. /dev/stdout or a pipe.

    The path is followed by the system alone: /dev/stdout may link to the name of no file.
    """
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def check_writable(path: str | os.PathLike[str]) -> None:
    """Refuse, before the work is done, what could not be written after it.

    Tries it, with an empty file that is gone again when this returns: permissions alone say little
    to root or on a network share. Raises OutputError for a missing folder, a folder in the file's
    place, no permission, or a folder that takes no new files.
    """
    target = Path(os.path.realpath(path))
    _check_place(path, target)
    if _is_stream(path):
        return
    part = _part_beside(target)
    try:
        part.touch(exist_ok=False)
        part.unlink()
    except OSError as error:
        raise OutputError(
            f"cannot write {path}: {error.strerror or error}; choose another folder"
        ) from error


def _part_beside(target: Path) -> Path:
    return target.with_name(f".{secrets.token_hex(8)}.part")


def _check_place(path: str | os.PathLike[str], target: Path) -> None:
    if _is_stream(path):
        if not os.access(path, os.W_OK):
            raise OutputError(f"cannot write {path}: it is read-only; choose another name")
        return
    if target.is_dir():
        raise OutputError(f"cannot write {path}: it is a folder; add a file name")
    if not target.parent.is_dir():
        raise OutputError(f"cannot write {path}: no folder {target.parent}; make it first")
    if target.exists() and not os.access(target, os.W_OK):
        raise OutputError(f"cannot write {path}: the file there is read-only; choose another name")
    if not os.access(target.parent, os.W_OK):
        raise OutputError(f"cannot write {path}: its folder is read-only; choose another folder")
