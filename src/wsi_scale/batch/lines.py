"""Rows as JSON lines, appended one by one. Each is whole and on the disk before the next."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from wsi_scale.batch.row import Row
from wsi_scale.batch.row_check import row_of
from wsi_scale.errors import OutputError, SettingsError
from wsi_scale.plumbing.files import replacing, sync_folder

GO_ON = "written rows are kept, make room and continue with --resume"
"""End of the message about a failed write."""


class Lines:
    """A file of rows. Many processes may read it, one writes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._handle: int | None = None

    def rows(self) -> Iterator[Row]:
        """Every whole row, in the order written; an incomplete last line is left out.

        Raises SettingsError for a file that holds anything but rows.
        """
        for _, row in self._lines():
            yield row

    def begin(self, keep: Callable[[Row], bool] = lambda _: True) -> int:
        """Rewrite the file (whole or not at all) with the rows to keep, and open it for appending.

        keep: called for every row in order. Returns how many rows were kept.
        """
        self.close()  # a new file takes its place
        kept = 0
        with replacing(self.path, alone=True) as file:
            for line, row in self._lines():
                if keep(row):
                    file.write(line)
                    kept += 1
        self._open()
        return kept

    def append(self, row: Row) -> None:
        """Add a row; it is on the disk when this returns.

        Raises OutputError if it cannot be written; then no part of it is left.
        """
        self.write(encode(row))

    def write(self, data: bytes) -> None:
        """Append whole lines."""
        handle = self._open()
        size = os.lseek(handle, 0, os.SEEK_END)
        try:
            left = memoryview(data)
            while left:
                left = left[os.write(handle, left) :]
            os.fsync(handle)
        except OSError as error:
            with suppress(OSError):
                os.ftruncate(handle, size)
            raise OutputError(
                f"cannot write {self.path}: {error.strerror or error}; {GO_ON}"
            ) from error

    def clear(self) -> None:
        """Remove all rows."""
        handle = self._open()
        os.ftruncate(handle, 0)
        os.fsync(handle)

    def close(self) -> None:
        """Close the file; closing twice is harmless."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def _open(self) -> int:
        if self._handle is None:
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
            try:
                self._handle = os.open(self.path, flags, 0o666)
            except OSError as error:
                raise OutputError(f"cannot write {self.path}: {error.strerror or error}") from error
            sync_folder(self.path.parent)
        return self._handle

    def _lines(self) -> Iterator[tuple[bytes, Row]]:
        try:
            file = self.path.open("rb")
        except FileNotFoundError:
            return
        except OSError as error:
            raise SettingsError(f"cannot read {self.path}: {error.strerror or error}") from error
        with file:
            for number, line in enumerate(file, start=1):
                if not line.endswith(b"\n"):
                    return  # cut short by a power failure or a kill; its slide is done again
                yield line, row_of(line, f"{self.path}, line {number}")


def encode(row: Row) -> bytes:
    r"""The row as one line of ASCII, so that names that are not valid text survive.

    >>> encode({"path": "/s/µ.svs"})
    b'{"path": "/s/\\u00b5.svs"}\n'
    """
    return (json.dumps(row, allow_nan=False) + "\n").encode("ascii")
