"""A zip of a network, unpacked into a folder that lives as long as this process."""

from __future__ import annotations

import atexit
import os
import shutil
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from tempfile import mkdtemp

from wsi_scale.errors import NetworkError
from wsi_scale.networks.wording import brief

MOST_BYTES = 8 << 30
MOST_FILES = 2000
_BROKEN = (zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError, NotImplementedError)

_unpacked: dict[tuple[str, int, int], Path] = {}
"""By path, size and time of change: the same zip is unpacked once."""


def root_with(path: Path, is_described: Callable[[str], bool]) -> str | None:
    """The folder inside a zip, "" or ``NAME/``, that holds a description; None without one.

    is_described: whether a name, relative to that folder, is the description. A zip may hold the
    files themselves or one folder of them. None too for what is not a zip.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()[: MOST_FILES + 1]
    except _BROKEN:
        return None
    if any(is_described(name) for name in names):
        return ""
    tops = {name.partition("/")[0] for name in names if not name.startswith("__MACOSX")}
    top = f"{next(iter(tops))}/" if len(tops) == 1 else ""
    inside = [name.removeprefix(top) for name in names]
    return top if top and any(is_described(name) for name in inside) else None


def unpack(path: Path, root: str) -> Path:
    """The folder ``root`` of a zip, unpacked. Raises NetworkError for a zip that cannot be."""
    try:
        found = path.stat()
        key = (str(path.resolve()), found.st_size, found.st_mtime_ns)
        if key not in _unpacked:
            folder = Path(mkdtemp(prefix="wsi-scale-"))
            atexit.register(shutil.rmtree, folder, ignore_errors=True)
            with zipfile.ZipFile(path) as archive:
                _unpack(archive, folder, path)
            _unpacked[key] = folder
    except _BROKEN as error:
        raise NetworkError(f"{path} is not a zip that can be unpacked: {brief(error)}") from error
    return _unpacked[key] / root


def _unpack(archive: zipfile.ZipFile, folder: Path, path: Path) -> None:
    members = [one for one in archive.infolist() if not one.is_dir()]
    if len(members) > MOST_FILES:
        raise NetworkError(f"{path} holds {len(members)} files, too many for one network")
    left = MOST_BYTES
    for member in members:
        parts = PurePosixPath(member.filename.replace("\\", "/")).parts
        if ".." in parts or PurePosixPath(member.filename).is_absolute() or ":" in parts[0]:
            raise NetworkError(
                f"{path} holds {member.filename!r}, which would lie outside its folder"
            )
        target = folder.joinpath(*parts)
        os.makedirs(target.parent, exist_ok=True)
        with archive.open(member) as given, target.open("wb") as file:
            for part in iter(lambda given=given: given.read(1 << 20), b""):  # type: ignore[misc]
                left -= len(part)
                if left < 0:
                    raise NetworkError(f"{path} unpacks to more than {MOST_BYTES >> 30} GiB")
                file.write(part)
