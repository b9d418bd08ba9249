"""Writes files whole or not at all, so that nobody ever reads half a file."""

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
    """Write data to a file, which replaces an older one only when it is complete.

    A link stays a link. A device or pipe is written to directly.

    Parameters
    ----------
    path : str or path
        File to write.
    data : bytes or str
        Its whole content; text is written as UTF-8.

    Raises
    ------
    OutputError
        When there is no such folder, ``path`` is a folder, permission is denied, or the disk is
        full.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     write_atomically(f"{folder}/note.txt", "whole")
    ...     Path(folder, "note.txt").read_text()
    'whole'
    """
    with replacing(path) as file:
        file.write(data.encode() if isinstance(data, str) else data)


@contextmanager
def replacing(path: str | os.PathLike[str], *, alone: bool = False) -> Iterator[BinaryIO]:
    """A new binary file, open for writing; it replaces ``path`` when the block ends without error.

    If the block raises, ``path`` stays as it was and the new file is removed. The new file is
    synced to disk before it replaces the old one. So even after a power cut ``path`` is either the
    old file or the new one.

    Parameters
    ----------
    path : str or path
        File to replace or create.
    alone : bool
        True if nobody else writes ``path`` at the same time. The new file then has a fixed name,
        and the remains of a run that was killed are removed.

    Yields
    ------
    file object
        For bytes, in the same folder as ``path``.

    Raises
    ------
    OutputError
        When the file cannot be written; also for an OSError in the block. Other errors in the block
        are raised as they are.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     with replacing(f"{folder}/note.txt") as file:
    ...         written = file.write(b"whole")
    ...     Path(folder, "note.txt").read_text()
    'whole'
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
                _keep_mode(target, part)
                yield file
                file.flush()
                os.fsync(file.fileno())
            part.replace(target)
            sync_folder(target.parent)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error


def _keep_mode(target: Path, part: Path) -> None:
    """Let a file that replaces another keep who may read and write it."""
    with suppress(OSError):  # a new file has the usual mode, and not every disk knows modes
        part.chmod(target.stat().st_mode & 0o777)


def sync_folder(folder: str | os.PathLike[str]) -> None:
    """Sync the list of files in a folder to disk, if the system can do that."""
    with suppress(OSError):  # not every system can do this
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _is_stream(path: str | os.PathLike[str]) -> bool:
    """True if the path exists and is neither a file nor a folder, e.g. /dev/stdout or a pipe.

    Only the system can follow the path, because /dev/stdout may link to a name that is not a file.
    """
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def check_writable(path: str | os.PathLike[str]) -> None:
    """Check before the work that a file can be written after it.

    This creates an empty file and removes it again, because permissions alone prove little for root
    or on a network share. Raises OutputError if the folder is missing, the path is a folder, there
    is no permission, or the folder takes no new files.
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
