"""Tiles as image files, with a table of where they lie."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from wsi_scale.errors import OutputError
from wsi_scale.plumbing.files import check_writable, write_atomically
from wsi_scale.tiling.cut import Tiles
from wsi_scale.tiling.layout import Place
from wsi_scale.tiling.stitch import stitch

PLACES = "places.csv"
"""Table in the folder of tiles: a line for each."""

COLUMNS = ("file", "row", "column", "x", "y", "width", "height", "scale", "mpp_x", "mpp_y")


def save_tiles(tiles: Tiles, folder: str | os.PathLike[str]) -> Iterator[int]:
    """Write every tile as a PNG file, and ``places.csv`` with where each lies.

    The table is also written if the work is stopped, with the tiles that were finished.

    Parameters
    ----------
    tiles : Tiles
        From ``wsi_scale.tiles``; its slide must stay open.
    folder : path
        Where to write; made if missing, refused if it holds anything.

    Yields
    ------
    int
        How many tiles are written so far.

    Raises
    ------
    OutputError
        When the folder holds something or cannot be written.
    SlideError
        When the slide cannot be decoded at a tile.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from wsi_scale import open_slide, tiles
    >>> drawn = "synthetic:figures?width=800&height=600"
    >>> with open_slide(drawn) as slide, TemporaryDirectory() as folder:
    ...     *_, count = save_tiles(tiles(slide, scale=4.0, size=100), folder)
    ...     count, Path(folder, "places.csv").read_text().splitlines()[1]
    (4, 'tile_r0000_c0000.png,0,0,0,0,400,400,4,,')
    """
    place = Path(folder)
    make_empty(place)
    lines: list[list[str]] = []
    try:
        for index in range(len(tiles)):
            tile = tiles[index]
            name = f"tile_r{tile.place.row:04}_c{tile.place.column:04}.png"
            write_atomically(place / name, png_of(tile.pixels))
            lines.append([name, *_where(tiles, tile.place)])
            yield len(lines)
    finally:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([COLUMNS, *lines])
        write_atomically(place / PLACES, text.getvalue())


def save_picture(tiles: Tiles, path: str | os.PathLike[str]) -> Iterator[int]:
    """Write all tiles as one PNG, at their scale; white where tiles were left out.

    It takes 3 bytes of memory per px of the picture. Yields how many tiles are read so far.

    Raises OutputError when the file cannot be written.
    """
    check_writable(path)
    done: list[int] = []

    def planes() -> Iterator[NDArray[np.uint8]]:
        for index in range(len(tiles)):
            done.append(index)
            yield tiles[index].pixels.transpose(2, 0, 1)

    picture = stitch(tiles, planes(), fill=255)
    yield len(done)
    write_atomically(path, png_of(picture.transpose(1, 2, 0)))


def png_of(pixels: NDArray[np.uint8]) -> bytes:
    """An image (H, W, 3) uint8 as the bytes of a PNG file."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="png", compress_level=3)
    return buffer.getvalue()


def _where(tiles: Tiles, place: Place) -> list[str]:
    """The rest of a line: place in level-0 px, scale and µm per px of the tile."""
    numbers = (place.x, place.y, place.width, place.height, tiles.scale, *(tiles.mpp or ()))
    words = [str(place.row), str(place.column), *(f"{value:.10g}" for value in numbers)]
    return words + [""] * (len(COLUMNS) - 1 - len(words))


def make_empty(folder: Path) -> None:
    """Make a folder for tiles. Raises OutputError if it holds anything or cannot be made."""
    try:
        folder.mkdir(exist_ok=True)
        full = any(folder.iterdir())
    except OSError as error:
        raise OutputError(f"cannot write into {folder}: {error.strerror or error}") from error
    if full:
        raise OutputError(f"{folder} already holds files; name a new folder for the tiles")
