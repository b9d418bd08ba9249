"""Files beside which the slide's pixels lie: what they hold themselves is a preview, or a list."""

from __future__ import annotations

import configparser
import os
from pathlib import Path

from wsi_scale.errors import WrongImageError

LISTS = (".vms", ".vmu")
"""Hamamatsu's lists of the JPEGs that make up a slide."""


def check_parts(path: Path) -> None:
    """Raise WrongImageError for a file that is only a preview or a list, if its parts are missing.

    A ``.mrxs`` is a JPEG preview beside a folder, a ``.vsi`` a TIFF preview beside a folder that no
    reader here understands.
    """
    match path.suffix.lower():
        case ".mrxs":
            _check_mrxs(path)
        case ".vsi":
            raise WrongImageError(
                f"{path} is only a preview of its slide, whose pixels lie in the folder "
                f"_{path.stem}_ in a format (Olympus .ets) that no reader here reads; convert it "
                "to OME-TIFF, for example with bfconvert of Bio-Formats"
            )
        case suffix if suffix in LISTS:
            missing = [x.name for x in parts_of(path, ("imagefile", "mapfile")) if not x.exists()]
            if missing:
                more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
                raise WrongImageError(
                    f"{path} lacks {missing[0]}{more}, which it lists; copy all its files together"
                )


def only_openslide(path: Path) -> bool:
    """Whether any other reader could show no more than a preview."""
    return path.suffix.lower() in (".mrxs", *LISTS)


def _check_mrxs(path: Path) -> None:
    folder = path.with_suffix("")
    if not folder.is_dir():
        raise WrongImageError(
            f"{path} is only a preview of its slide, for the folder {folder} with the pixels is "
            "missing; copy that folder next to the file"
        )
    if not any(name.lower() == "slidedat.ini" for name in os.listdir(folder)):
        raise WrongImageError(
            f"{path} is only a preview of its slide, for its folder {folder} lacks Slidedat.ini; "
            "copy the folder again"
        )


def parts_of(
    path: Path, kinds: tuple[str, ...] = ("imagefile", "mapfile", "macroimage")
) -> list[Path]:
    """The files that a ``.vms`` or ``.vmu`` lists; none if it cannot be understood."""
    reader = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        with path.open("rb") as file:
            reader.read_string(file.read(1 << 20).decode("utf-8-sig", errors="replace"))
    except (OSError, configparser.Error):
        return []
    names = [
        value.strip()
        for section in reader.sections()
        for key, value in reader.items(section)
        if value and key.startswith(kinds)
    ]
    return [path.parent / name for name in names if name]
