"""The place where a batch keeps its rows. It belongs to one query, and to one run at a time."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from io import FileIO
from pathlib import Path
from typing import Any, Protocol

from wsi_scale.batch.lines import Lines
from wsi_scale.batch.parts import Parts
from wsi_scale.batch.row import Row
from wsi_scale.errors import OutputError, SettingsError
from wsi_scale.plumbing.claims import first_change, read_note
from wsi_scale.plumbing.files import check_writable, sync_folder


class Store(Protocol):
    """Rows in a file or a folder."""

    path: Path

    def rows(self) -> Iterator[Row]: ...
    def begin(self, keep: Callable[[Row], bool] = ...) -> int: ...
    def append(self, row: Row) -> None: ...
    def close(self) -> None: ...


def open_store(out: Path) -> Store:
    """The store at that path: JSON lines or Parquet, by its ending. Raises OutputError."""
    if out.suffix.lower() in (".jsonl", ".ndjson"):
        if out.is_dir():
            raise OutputError(f"cannot write {out}: it is a folder; choose another name")
        return Lines(out)
    if out.suffix.lower() == ".parquet":
        if out.exists() and not out.is_dir():
            raise OutputError(
                f"cannot write {out}: it is a file, but Parquet rows need a folder; choose another "
                "name"
            )
        return Parts(out)
    raise OutputError(
        f"--out must end in .jsonl, .parquet or, on the command line, .csv; got {out}"
    )


def note_of(out: Path) -> Path:
    """Path of the note that records the query behind the rows.

    >>> note_of(Path("rows.jsonl")).name, note_of(Path("rows.parquet")).name
    ('rows.jsonl.run.json', '_run.json')
    """
    if out.suffix.lower() == ".parquet":
        return out / "_run.json"
    return out.with_name(f"{out.name}.run.json")


class Claim:
    """A run's claim on ``out``, which must be new or hold rows of the same query.

    asked: ``Asked.describe()``. resume: whether ``out`` may hold rows already. Raises OutputError
    if it holds rows and resume is False, or if another run is writing it; SettingsError for rows
    of another query. Nothing is changed before ``take``.
    """

    def __init__(self, out: Path, asked: dict[str, Any], *, resume: bool) -> None:
        self.out, self.note, self._asked, self._resume = out, note_of(out), asked, resume
        self._lock: FileIO | None = None
        if not resume and (out.exists() or not _is_empty(self.note)):
            raise self._there_already()
        if not _is_empty(out) and _is_empty(self.note):
            raise OutputError(
                f"{self.note.name}, which records the query behind the rows of {out}, is missing; "
                "restore it, or choose another --out"
            )
        if not _is_empty(self.note):
            self._refuse_others(None)
        check_writable(self.note if out.is_dir() else out)

    def take(self, weights: str | None = None) -> None:
        """Keep other runs out until ``leave``, and write the note if the place is new.

        weights: hash of the network's weights, which must be that of the rows; None if no network
        is used. Everything is checked again, because another run may have started and ended while
        the network was loading.
        """
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0)
        try:
            with suppress(FileExistsError):
                self.note.parent.mkdir()
            # never replaced, so that all runs lock one file; NFS locks only what may be written
            lock = FileIO(os.open(self.note, flags, 0o666), "r+")
        except OSError as error:
            raise OutputError(f"cannot write {self.note}: {error.strerror or error}") from error
        try:
            if not _lock(lock):
                raise OutputError(
                    f"another run is writing {self.out}; wait for it, or choose another --out"
                )
            if _is_empty(self.note):
                self._write(lock, {"asked": self._asked, "state": weights})
            elif not self._resume:
                raise self._there_already()
            else:
                self._refuse_others(weights)
        except BaseException:
            lock.close()
            raise
        self._lock = lock

    def _there_already(self) -> OutputError:
        return OutputError(
            f"{self.out} already exists; add --resume to continue, or choose another --out"
        )

    def _refuse_others(self, weights: str | None) -> None:
        """Raise SettingsError if the note records another query or other weights."""
        note = read_note(self.note)
        change = first_change(note["asked"], self._asked)
        if change is not None:
            raise SettingsError(
                f"{self.out} was made with {change}; repeat that, or choose another --out"
            )
        if weights is not None and note.get("state") not in (None, weights):
            raise SettingsError(
                f"{self.out} was made with other weights of {self._asked['network']}; use those, "
                "or choose another --out"
            )

    def _write(self, file: FileIO, note: dict[str, Any]) -> None:
        """Fill the empty note. There are no rows yet, so half a note does no harm."""
        left = memoryview((json.dumps(note, indent=1) + "\n").encode())
        try:
            while left:
                left = left[file.write(left) :]
            os.fsync(file.fileno())
        except OSError as error:
            with suppress(OSError):
                os.ftruncate(file.fileno(), 0)
            raise OutputError(f"cannot write {self.note}: {error.strerror or error}") from error
        sync_folder(self.note.parent)

    def leave(self) -> None:
        """Let other runs write."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None


def _lock(file: FileIO) -> bool:
    """Lock the file until it is closed; False if another process has locked it."""
    try:
        import fcntl
    except ImportError:  # Windows: the user must not start two runs into one place
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:  # a file system without locks, such as some Lustre mounts: likewise
        return True
    return True


def _is_empty(path: Path) -> bool:
    """Whether the path holds nothing: missing, an empty folder or file, or just an empty note."""
    if path.is_dir():
        return all(x == note_of(path) and _is_empty(x) for x in path.iterdir())
    return not path.exists() or path.stat().st_size == 0
