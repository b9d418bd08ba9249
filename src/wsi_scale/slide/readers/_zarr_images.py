"""Finds the one image in a zarr hierarchy, which is a folder or a zip file."""

from __future__ import annotations

import lzma
import os
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path
from typing import Any, Literal

import zarr
from zarr.abc.store import ByteRequest
from zarr.core.buffer import Buffer, BufferPrototype
from zarr.storage import LocalStore, ZipStore

from wsi_scale.slide.readers._files import PARSER_ERRORS, what_it_said
from wsi_scale.slide.readers._ngff import Multiscale, first_multiscale, ome_part
from wsi_scale.slide.readers._pixels import have_names

FORMATS: dict[str, Literal[2, 3]] = {"zarr.json": 3, ".zgroup": 2, ".zarray": 2}
"""Files that mark a folder as part of a zarr hierarchy, and the format that each stands for."""

MOST_NAMED = 6
"""Most images that a message names if there are several."""

ZARR_ERRORS = (*PARSER_ERRORS, zlib.error, zipfile.BadZipFile, EOFError, lzma.LZMAError)
"""Exceptions that zarr, its codecs and zip files raise on broken files."""

_PASS_ARRAYS = "open it with zarr and pass the arrays of its levels, finest first"


class FolderStore(LocalStore):
    """A folder that is read without leaving it: what a link in it leads out to is refused."""

    async def get(
        self,
        key: str,
        prototype: BufferPrototype | None = None,
        byte_range: ByteRequest | None = None,
    ) -> Buffer | None:
        """The bytes of a key; None if there is none. Raises ValueError for one outside."""
        inside, root = os.path.realpath(self.root / key), os.path.realpath(self.root)
        if os.path.commonpath([inside, root]) != root:
            raise ValueError(
                f"its part {key} is a link that leads out of it; copy the part into it"
            )
        return await super().get(key, prototype, byte_range)


Store = FolderStore | ZipStore

MOST_MEMBER = 1 << 30
"""Largest part of a zip file once unpacked, bytes."""


@dataclass(frozen=True)
class ZarrFile:
    """A zarr hierarchy on disk."""

    file: str
    """Path of the folder or zip file."""
    root: str
    """Path of the outermost group within; not empty if a folder was zipped with its name."""
    zarr_format: Literal[2, 3]

    def store(self) -> Store:
        """A store, opened on first use. Raises ValueError if the file no longer exists."""
        if not os.path.exists(self.file):
            raise ValueError("it is no longer there")
        if os.path.isdir(self.file):
            return FolderStore(self.file, read_only=True)
        return ZipStore(self.file, mode="r")


def close_store(store: Store) -> None:
    """Close a store, also one that was never used."""
    with suppress(AttributeError):  # a ZipStore that was never used cannot be closed
        store.close()


def _locate(file: str) -> ZarrFile:
    """Root and format of the hierarchy in a file. Raises ValueError if there is none."""
    root = ""
    if os.path.isdir(file):
        held = set(os.listdir(file))
    else:
        with zipfile.ZipFile(file) as archive:
            held = set(archive.namelist())
            largest = max((part.file_size for part in archive.infolist()), default=0)
        if largest > MOST_MEMBER:
            raise ValueError(f"one of its parts has {largest} bytes unpacked, too many to read")
        tops = {name.split("/")[0] for name in held} - {"__MACOSX"}
        if len(tops) == 1 and not tops & FORMATS.keys():
            root = tops.pop()
    for name, zarr_format in FORMATS.items():
        if join(root, name) in held:
            return ZarrFile(file, root, zarr_format)
    raise ValueError(f"it contains none of {', '.join(FORMATS)}; copy it again")


def find_image(path: str) -> tuple[ZarrFile, str, Multiscale, tuple[str, ...]]:
    """The hierarchy, the path of its one image below the root, and that image's metadata.

    These are its axes and levels, and the names of its channels; none if they have no names.

    Raises ValueError if there is no image, or more than one.
    """
    place = _locate(os.path.abspath(path))
    store = place.store()
    try:
        groups = _Groups(store, place)
        groups.check_root()
        found = list(islice(groups.images(""), MOST_NAMED + 1))
        if not found:
            raise ValueError(f"it is not an OME-Zarr image; {_PASS_ARRAYS}")
        if len(found) > 1:
            raise ValueError(_which(path, found))
        ome = groups.metadata(found[0])
    finally:
        close_store(store)
    if "image-label" in ome:
        raise ValueError("it holds labels, not an image; pass the image they belong to")
    return place, found[0], first_multiscale(ome), _channel_names(ome)


def _channel_names(ome: Mapping[str, Any]) -> tuple[str, ...]:
    omero = ome.get("omero")
    channels = omero.get("channels") if isinstance(omero, dict) else None
    if not isinstance(channels, list):
        return ()
    names = tuple(str(x.get("label", "")) if isinstance(x, dict) else "" for x in channels)
    return names if have_names(names) else ()


def _which(path: str, found: list[str]) -> str:
    """Message that there are several images, with their names and what to do."""
    names = ", ".join(found[:MOST_NAMED]) + (", …" if len(found) > MOST_NAMED else "")
    if not os.path.isdir(path):
        return f"it holds several images ({names}); unpack it and pass one of them"
    example = f"{Path(path).name or '.'}/{found[0]}"
    return f"it holds several images ({names}); pass one of them, for example {example}"


class _Groups:
    """The groups of a hierarchy, by their path below the root."""

    def __init__(self, store: Store, place: ZarrFile) -> None:
        self._store, self._place = store, place

    def check_root(self) -> None:
        """Raise ValueError if the root is not a readable group."""
        try:
            self._open("")
        except ZARR_ERRORS as error:
            if self._root_is_array():
                reason = f"it is a single array; pass the folder above it, or {_PASS_ARRAYS}"
            else:
                said = what_it_said(error, self._place.file)
                reason = f"its metadata are damaged ({said}); copy it again"
            raise ValueError(reason) from None

    def metadata(self, path: str) -> Mapping[str, Any]:
        """Metadata of a group. Raises FileNotFoundError, with a clause, if it is missing."""
        try:
            return ome_part(self._open(path).attrs.asdict())
        except FileNotFoundError:
            raise FileNotFoundError(f"its group {path} is missing; copy it again") from None

    def _open(self, path: str) -> zarr.Group:
        return zarr.open_group(
            self._store,
            path=join(self._place.root, path),
            mode="r",
            zarr_format=self._place.zarr_format,
            use_consolidated=False,
        )

    def _root_is_array(self) -> bool:
        place = self._place
        try:
            zarr.open_array(self._store, path=place.root, mode="r", zarr_format=place.zarr_format)
        except ZARR_ERRORS:
            return False
        return True

    def images(self, path: str) -> Iterator[str]:
        """Paths of all images in a group: the group itself, or those of a plate, well or series."""
        ome = self.metadata(path)
        if "multiscales" in ome:
            yield path
        elif "plate" in ome:
            for well in _paths(ome["plate"], "wells"):
                yield from self.images(join(path, well))
        elif "well" in ome:
            yield from (join(path, field) for field in _paths(ome["well"], "images"))
        elif "bioformats2raw.layout" in ome:
            yield from self._series(path)

    def _series(self, path: str) -> Iterator[str]:
        """Images that the group OME lists; without a list 0, 1, 2, … until one is missing."""
        try:
            listed = self.metadata(join(path, "OME")).get("series")
        except FileNotFoundError:
            listed = None
        if isinstance(listed, list):
            yield from (join(path, str(name)) for name in listed)
            return
        for number in count():
            try:
                yield from self.images(join(path, str(number)))
            except FileNotFoundError:
                return


def _paths(holder: Any, key: str) -> list[str]:
    """``path`` of every entry in the list under a key. Raises ValueError if there is no list."""
    entries = holder.get(key) if isinstance(holder, dict) else None
    if not isinstance(entries, list) or not all(isinstance(x, dict) for x in entries):
        raise ValueError(f"its metadata list no {key}; write them again")
    return [str(entry.get("path", "")) for entry in entries]


def join(*parts: str) -> str:
    """A path inside a hierarchy; empty parts are dropped.

    >>> join("", "images", "0")
    'images/0'
    """
    return "/".join(part for part in parts if part)
