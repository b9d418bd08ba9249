"""``open_slide`` and the readers: one file per slide format, found because it lies in this folder.

A reader module declares

    NAME     the word after ``--reader``
    LABEL    its name in messages; default: NAME
    ORDER    readers are tried in rising order
    accepts(source) -> bool      quick check whether to try this reader
    open(source) -> Slide        raises SlideError with one sentence
    example(folder) -> source    writes a small slide that it can open, for the contract test

``docs/adding-a-reader.md`` explains one step by step.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from wsi_scale.errors import SlideError, WrongImageError
from wsi_scale.plumbing.registry import modules_of
from wsi_scale.slide.at_once import TooLargeError, check_size
from wsi_scale.slide.base import Slide
from wsi_scale.slide.level_audit import audit_levels
from wsi_scale.slide.metadata import check_mpp, overrule, own_statement
from wsi_scale.slide.readers._apart import ApartSlide, may_read_apart
from wsi_scale.slide.readers._previews import check_parts, only_openslide
from wsi_scale.slide.tiff_check import check_tiff, is_tiff

SINGLE_LEVEL_PX = 4096
"""A larger slide with only one level is offered to the other readers: OpenSlide ignores SubIFDs."""

_NATIVE = ("openslide", "tiffslide", "image")
"""Readers whose libraries are written in C."""

_PLAIN = (b"\x89PNG", b"\xff\xd8\xff", b"BM", b"GIF8", b"RIFF", b"\0\0\0\x0cjP", b"PK\x03\x04")
"""How images that Pillow reads begin, and zip files. An .mrxs begins as a JPEG but is none."""


def all_readers() -> dict[str, ModuleType]:
    """All readers by name, in the order in which they are tried."""
    return modules_of(sys.modules[__name__])


def is_slide_folder(path: str | os.PathLike[str]) -> bool:
    """Whether a folder is itself a slide, as OME-Zarr is, rather than a folder of slides."""
    return os.path.isdir(path) and any(module.accepts(path) for module in all_readers().values())


def open_slide(
    source: str | os.PathLike[str] | Any,
    *,
    reader: str | None = None,
    mpp: float | tuple[float, float] | None = None,
) -> Slide:
    """An open slide from a path, an array, or a list of arrays.

    Parameters
    ----------
    source : path, array or list of arrays
        Path of a slide or image, or ``synthetic:…`` for a drawn slide. Or a uint8 array (H, W),
        (H, W, 3) or (H, W, 4) of numpy, dask or zarr, or a list of such arrays, finest first.
        Arrays are read lazily.
    reader : str, optional
        Name of the reader to use. By default one is chosen: zarr for OME-Zarr, otherwise OpenSlide;
        TiffSlide if OpenSlide refuses the file or sees only one level; then Pillow for plain
        images. ``Slide.reader_reason`` says why.
    mpp : float or (float, float), optional
        µm per level-0 pixel, one number or (x, y). It overrules the file. ``Slide.mpp_source`` is
        then ``"given"``, and ``Slide.audit`` still shows what the file states.

    Returns
    -------
    Slide
        Use it in a ``with`` block, or call its ``close``.

    Raises
    ------
    SlideError
        When the source cannot be opened.
    SettingsError
        When ``mpp`` is not a possible pixel size.

    Examples
    --------
    >>> with open_slide("synthetic:figures?width=800&height=600", mpp=0.5) as slide:
    ...     slide.reader, len(slide.levels), slide.mpp
    ('synthetic', 5, (0.5, 0.5))
    """
    given = check_mpp(mpp)
    slide = _opened(source, reader)
    check_size(slide.path, [(level.width, level.height) for level in slide.levels])
    if given is not None:
        slide.audit = overrule(slide.audit or own_statement(slide.mpp, slide.mpp_source), given)
        slide.mpp, slide.mpp_source = given, "given"
    slide.audit = (*slide.audit, *audit_levels(slide.levels))
    return slide


def _opened(source: Any, reader: str | None) -> Slide:
    """The slide, in a process of its own where its file is not plain."""
    if not _names_file(source):
        return _first_that_opens(source) if reader is None else _forced(source, reader)
    _check_path(source)
    check_parts(Path(source))
    if not is_plain(source) and may_read_apart() and _only_native(source, reader):
        return ApartSlide(os.fspath(source), reader)
    return _first_that_opens(source) if reader is None else _forced(source, reader)


def _only_native(source: Any, reader: str | None) -> bool:
    """Whether all readers that may open a file use libraries that can end the process."""
    names = [name for name, module in all_readers().items() if module.accepts(source)]
    return {*names, *filter(None, [reader])} <= set(_NATIVE)


def is_plain(path: str | os.PathLike[str]) -> bool:
    """Whether no library should die on a file: a sound TIFF, a plain image, or a zip.

    Raises SlideError for a damaged TIFF, before any library sees it.
    """
    if is_tiff(path):
        return not check_tiff(path).doubts
    with Path(path).open("rb") as file:
        start = file.read(len(max(_PLAIN, key=len)))
    return start.startswith(_PLAIN) and not os.fspath(path).lower().endswith(".mrxs")


def _forced(source: Any, reader: str) -> Slide:
    readers = all_readers()
    if reader not in readers:
        raise SlideError(f"there is no reader {reader!r}; choose one of {', '.join(readers)}")
    module = readers[reader]
    accepted = module.accepts(source)
    if not accepted or _names_file(source):
        _check_path(source)
    if not accepted:
        raise SlideError(
            f"{_label(module)} cannot open {_describe(source)}; leave out the reader and one is "
            "chosen for you"
        )
    slide: Slide = module.open(source)
    slide.reader_reason = f"{_label(module)} was requested"
    return slide


def _first_that_opens(source: Any) -> Slide:
    candidates = [module for module in all_readers().values() if module.accepts(source)]
    if len(candidates) == 1 and not _names_file(source):
        only: Slide = candidates[0].open(source)
        return only
    if not candidates or _names_file(source):
        _check_path(source)
    if _names_file(source):
        candidates = _that_show_the_slide(Path(source), candidates)
    refusals: list[tuple[str, str]] = []
    for number, module in enumerate(candidates):
        try:
            slide: Slide = module.open(source)
        except (WrongImageError, TooLargeError):
            raise
        except SlideError as error:
            refusals.append((_label(module), _reason(error, source)))
            continue
        if _lacks_levels(slide):
            slide = _with_levels(source, slide, module, candidates[number + 1 :])
        refused = [f"{label} refused it ({why})" for label, why in refusals]
        slide.reader_reason = ", ".join([*refused, slide.reader_reason])
        return slide
    if not refusals:
        raise SlideError(f"no reader can open {_describe(source)}; pass a path or uint8 arrays")
    tried = "; ".join(f"{label}: {why}" for label, why in refusals)
    raise SlideError(f"no reader can open {source} ({tried}); check that it is a complete slide")


def _that_show_the_slide(path: Path, candidates: list[ModuleType]) -> list[ModuleType]:
    """The readers that would not show a mere preview. Raises WrongImageError if parts are missing.

    Where OpenSlide refuses a slide of several files, others would show what the first one holds.
    """
    check_parts(path)
    if not only_openslide(path):
        return candidates
    return [module for module in candidates if module.NAME == "openslide"]


def _lacks_levels(slide: Slide) -> bool:
    finest = slide.levels[0]
    return not slide.has_coarser_levels and max(finest.width, finest.height) > SINGLE_LEVEL_PX


def _with_levels(
    source: Any, slide: Slide, module: ModuleType, others: Sequence[ModuleType]
) -> Slide:
    """The slide from the first other reader that sees more levels, otherwise the slide itself."""
    for other in others:
        try:
            found: Slide = other.open(source)
        except SlideError:
            continue
        if found.has_coarser_levels and found.levels[0] == slide.levels[0]:
            slide.close()
            found.reader_reason = (
                f"{_label(module)} sees only one level, {_label(other)} sees {len(found.levels)}"
            )
            return found
        found.close()
    return slide


def _reason(error: SlideError, source: Any) -> str:
    """Why a reader refused, without the beginning that names the reader and the file."""
    return str(error).split(f"{source}: ", 1)[-1]


def _label(module: ModuleType) -> str:
    return str(getattr(module, "LABEL", module.NAME))


def _names_file(source: Any) -> bool:
    return isinstance(source, str | os.PathLike) and os.path.isfile(source)


def _check_path(source: Any) -> None:
    """Raise SlideError for a path that no reader could open. Other sources pass."""
    if not isinstance(source, str | os.PathLike):
        return
    if not os.fspath(source):
        raise SlideError("the slide's path is empty; name a file")
    path = Path(source)
    try:
        exists = path.exists()
    except OSError as error:  # such as a name that is too long
        raise SlideError(f"{source} cannot be read: {error.strerror or error}") from None
    if not exists:
        raise SlideError(f"there is no file {source}; check the path")
    if path.is_dir():
        raise SlideError(f"{source} is a folder; {_advice_for_folder(path)}")
    if not os.access(path, os.R_OK):
        raise SlideError(f"{source} cannot be read by this user; change its permissions")
    if path.is_file() and path.stat().st_size == 0:
        raise SlideError(f"{source} is empty (0 bytes); copy it again")


def _advice_for_folder(path: Path) -> str:
    try:
        names = [entry.name.lower() for entry in os.scandir(path)]
    except OSError:
        return "pass one slide file"
    if any(name.endswith(".dcm") for name in names):
        return "open any one of its .dcm files"
    if {"zarr.json", ".zarray", ".zgroup"} & set(names):
        return "leave out the reader and it opens as OME-Zarr"
    return "pass one slide file from it"


def _describe(source: Any) -> str:
    if isinstance(source, str | os.PathLike):
        return str(source)
    return f"an object of type {type(source).__name__}"
