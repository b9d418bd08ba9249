"""The place where a batch's rows are kept, claimed by one run and one question."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Protocol

from wsi_scale.batch.lines import Lines
from wsi_scale.batch.parts import Parts
from wsi_scale.batch.row import Row
from wsi_scale.errors import OutputError, SettingsError
from wsi_scale.evaluate.claim import first_change, read_note, write_note
from wsi_scale.files import check_writable


class Store(Protocol):
    """Rows in a file or folder."""

    path: Path

    def rows(self) -> Iterator[Row]: ...
    def begin(self, keep: Callable[[Row], bool] = ...) -> int: ...
    def append(self, row: Row) -> None: ...
    def close(self) -> None: ...


def open_store(out: Path) -> Store:
    """The store of that name: JSON lines or Parquet by its ending. Raises OutputError."""
    if out.suffix.lower() in (".jsonl", ".ndjson"):
        if out.is_dir():
            raise OutputError(f"cannot write {out}: it is a folder; choose another name")
        return Lines(out)
    if out.suffix.lower() == ".parquet":
        if out.exists() and not out.is_dir():
            raise OutputError(
                f"cannot write {out}: it is a file, and Parquet rows are a folder; choose another"
            )
        return Parts(out)
    raise OutputError(f"--out ends in .jsonl or .parquet, got {out}")


def note_of(out: Path) -> Path:
    """Where it is written what the rows of ``out`` were asked."""
    if out.suffix.lower() == ".parquet":
        return out / "_run.json"
    return out.with_name(f"{out.name}.run.json")


class Claim:
    """``out`` held by this run: it is new, or what was asked before is what is asked now.

    asked: ``Asked.describe()``. resume: whether there may be rows already. Raises OutputError for
    a place that holds rows and is not to be resumed, or is held by another run; SettingsError for
    rows of another question. Nothing is touched before ``take``.
    """

    def __init__(self, out: Path, asked: dict[str, Any], *, resume: bool) -> None:
        self.out, self.note, self._asked = out, note_of(out), asked
        self._lock: IO[bytes] | None = None
        if not resume and (out.exists() or self.note.exists()):
            raise OutputError(f"{out} is there already; add --resume to go on, or choose another")
        if out.exists() and not self.note.exists() and not _is_empty(out):
            raise OutputError(
                f"{out} has no {self.note.name} beside its rows, so what they were asked is not "
                "known; restore it, or choose another --out"
            )
        if self.note.exists():
            change = first_change(read_note(self.note)["asked"], asked)
            if change is not None:
                raise SettingsError(
                    f"{out} was made with {change}; ask the same, or choose another --out"
                )
        check_writable(out if out.suffix.lower() != ".parquet" else out.with_name(f"{out.name}.x"))

    def take(self) -> None:
        """Write the note of a new place, and keep other runs out until ``leave``."""
        if not self.note.exists():
            with suppress(FileExistsError):
                self.note.parent.mkdir()
            write_note(self.note, {"asked": self._asked})
        try:
            self._lock = self.note.open("r+b")  # NFS locks only what may be written
        except OSError as error:
            raise OutputError(f"cannot write {self.note}: {error.strerror or error}") from error
        if not _lock(self._lock):
            self._lock.close()
            raise OutputError(
                f"another run is writing {self.out}; wait for it, or choose another --out"
            )
        if not os.path.samestat(os.fstat(self._lock.fileno()), self.note.stat()):
            raise OutputError(f"another run has just begun to write {self.out}; choose another")

    def check_state(self, weights: str, network: str) -> None:
        """See that the network's weights are those of the rows, noting them the first time."""
        note = read_note(self.note)
        if note.get("state") is None:
            self._rewrite(note | {"state": weights})
        elif note["state"] != weights:
            raise SettingsError(
                f"{self.out} was made with other weights of {network}; choose another --out"
            )

    def _rewrite(self, note: dict[str, Any]) -> None:
        """Replace the note and hold on to the new one."""
        held, self._lock = self._lock, None
        write_note(self.note, note)
        self.take()
        if held is not None:
            held.close()

    def leave(self) -> None:
        """Let other runs in."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None


def _lock(file: IO[bytes]) -> bool:
    """Hold the file until it is closed; False where another process holds it."""
    try:
        import fcntl
    except ImportError:  # Windows: two runs at once into one place are the user's to avoid
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:  # a file system without locks, such as many a Lustre: likewise
        return True
    return True


def _is_empty(out: Path) -> bool:
    return not any(out.iterdir()) if out.is_dir() else out.stat().st_size == 0
