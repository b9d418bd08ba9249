"""Finds the slides of a batch: in folders, patterns, CSV files, standard input, single names."""

from __future__ import annotations

import codecs
import csv
import glob
import io
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from wsi_scale.errors import SettingsError
from wsi_scale.slide.readers import is_slide_folder
from wsi_scale.slide.readers.synthetic import PREFIX

SUFFIXES = frozenset(
    (
        *(".svs", ".svslide", ".tif", ".tiff", ".ndpi", ".vms", ".vmu", ".scn", ".mrxs", ".bif"),
        *(".czi", ".qptiff", ".dcm", ".zip", ".png", ".jpg", ".jpeg", ".jp2", ".bmp", ".webp"),
    )
)
"""Endings of the files that are taken from a folder. A file named directly may end in anything."""

_WILD = frozenset("*?[")
_COMMAS = {",": "commas", ";": "semicolons", "\t": "tabs"}
_SAVE = "save it as CSV UTF-8"


@dataclass(frozen=True)
class Entry:
    """One slide of a batch."""

    path: str
    """Absolute, so that it means the same in every process. ``synthetic:…`` stays as it is."""
    cohort: str
    """The cohort in the CSV, or else the slide's folder."""


@dataclass(frozen=True)
class Listing:
    """All slides of a batch, each once, and remarks about how they were found."""

    entries: tuple[Entry, ...]
    """The slides, in the order they were found."""
    notes: tuple[str, ...] = ()
    """Sentences for the user, for example about a link that was not followed."""


def list_slides(
    words: Sequence[str], stdin: bytes = b"", leave_out: Sequence[Path] = ()
) -> Listing:
    r"""The slides that the words name, each once.

    A slide that several words name gets the cohort that a CSV gives it, if any does. Slides listed
    in a CSV or on stdin are not checked here; a missing one fails when it is read.

    Parameters
    ----------
    words : sequence of str
        Each is a folder (searched with its subfolders), a pattern (``'*.svs'``, ``'**/*.ndpi'``), a
        CSV with a column ``slide`` and perhaps ``cohort``, ``-`` for standard input, or a slide.
    stdin : bytes
        What ``-`` stands for: one slide per line, or slides separated by NUL (``find -print0``), or
        a CSV.
    leave_out : sequence of Path
        Files in a folder of slides that are not slides, such as results. Summaries of other batches
        are left out anyway.

    Returns
    -------
    Listing
        The slides with absolute paths and cohorts, and remarks for the user.

    Raises
    ------
    SettingsError
        When a word names nothing, when no slide is left, or when a slide has two cohorts.

    Examples
    --------
    >>> list_slides(["-"], b"slide,cohort\nsynthetic:figures,A\n").entries
    (Entry(path='synthetic:figures', cohort='A'),)
    """
    given: dict[str, tuple[str, str]] = {}
    notes: list[str] = []
    results = {os.path.abspath(path) for path in leave_out}
    for word in words:
        for path, cohort in _expand(word, stdin, notes):
            if path in results:
                continue
            first, where = given.setdefault(path, (cohort, word))
            if cohort and first not in ("", cohort):
                raise SettingsError(
                    f"{path} is in cohort {first} in {where} but in cohort {cohort} in {word}; "
                    "list each slide once"
                )
            if cohort and not first:
                given[path] = (cohort, word)
    if not given:
        raise SettingsError("no slide was given; name slides, a folder, a pattern or a CSV")
    entries = (Entry(path, cohort or _folder_of(path)) for path, (cohort, _) in given.items())
    return Listing(tuple(entries), tuple(notes))


def _expand(word: str, stdin: bytes, notes: list[str]) -> Iterable[tuple[str, str]]:
    """Paths, each with the cohort from a CSV, or an empty one."""
    if word == "-":
        return list(_from_text(stdin, notes))
    if word.startswith(PREFIX):
        return [(path_of(word), "")]
    if not os.path.lexists(word) and _WILD & set(word):
        matches = sorted(glob.glob(word, recursive=True))
        slides = [
            x for x in matches if is_slide_folder(x) or (os.path.isfile(x) and not _is_summary(x))
        ]
        if not slides:
            raise SettingsError(f"no slide matches {word!r}; check the pattern")
        return [(path_of(x), "") for x in slides]
    if not os.path.lexists(word):
        raise SettingsError(
            f"there is no file or folder {word!r}; name a slide, a folder, a pattern or a CSV"
        )
    if os.path.isdir(word) and not is_slide_folder(word):
        inside = list(_walk(Path(word), notes))
        if not inside:
            raise SettingsError(f"there is no slide in the folder {word}; check the path")
        return [(path_of(x), "") for x in inside]
    if word.lower().endswith(".csv"):
        return list(_from_csv(Path(word), notes))
    return [(path_of(word), "")]


def path_of(name: str | os.PathLike[str], base: str = "") -> str:
    """The absolute path of a slide, relative to ``base``; ``synthetic:…`` stays as it is.

    >>> path_of("b.svs", "/a"), path_of("synthetic:figures")
    ('/a/b.svs', 'synthetic:figures')
    """
    text = os.fspath(name)
    return text if text.startswith(PREFIX) else os.path.abspath(os.path.join(base, text))


def _folder_of(path: str) -> str:
    """The cohort of a slide that no CSV gives one: its folder."""
    return PREFIX.rstrip(":") if path.startswith(PREFIX) else os.path.dirname(path)


def _walk(folder: Path, notes: list[str]) -> Iterator[str]:
    """Slides in a folder and its subfolders, by name. A folder that is a slide is not searched."""
    try:
        items = sorted(os.scandir(folder), key=lambda item: item.name)
    except OSError as error:
        raise SettingsError(
            f"cannot list {folder}: {error.strerror}; change its permissions"
        ) from None
    dicom: list[str] = []
    for item in items:
        if item.name.startswith("."):
            continue
        if item.is_dir():
            if is_slide_folder(item.path):
                yield item.path
            elif item.is_symlink():  # it may lead back up
                notes.append(
                    f"{item.path} is a link to a folder and was not searched; name it too if it "
                    "holds slides"
                )
            else:
                yield from _walk(Path(item.path), notes)
        elif Path(item.name).suffix.lower() == ".dcm":
            dicom.append(item.path)
        elif Path(item.name).suffix.lower() in SUFFIXES and not _is_summary(item.path):
            yield item.path
    if dicom:
        if len(dicom) > 1:
            notes.append(
                f"{folder} holds {len(dicom)} DICOM files, which count as one slide; if they are "
                "several slides, name one file of each in a CSV"
            )
        yield dicom[0]


def _is_summary(path: str) -> bool:
    """Whether it is part of a batch's summary: ``X.summary.png`` with an ``X.summary.md``."""
    stem, suffix = os.path.splitext(path)
    is_named_so = stem.endswith(".summary") and suffix in (".md", ".html", ".png")
    return is_named_so and os.path.isfile(f"{stem}.md")


def _from_csv(path: Path, notes: list[str]) -> Iterator[tuple[str, str]]:
    try:
        data = path.read_bytes()
        text = data.decode("utf-8-sig")
    except OSError as error:
        raise SettingsError(f"cannot read {path}: {error.strerror or error}") from error
    except UnicodeDecodeError:
        raise SettingsError(f"{path} is not in UTF-8; {_SAVE}") from None
    if "\0" in text:  # UTF-16 without a mark
        raise SettingsError(f"{path} is not in UTF-8; {_SAVE}")
    yield from _from_table(text, str(path), str(path.parent), notes)


def _from_text(data: bytes, notes: list[str]) -> Iterator[tuple[str, str]]:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise SettingsError(f"stdin is in UTF-16, not in UTF-8; {_SAVE}")
    if b"\0" in data:
        names = [os.fsdecode(x) for x in data.split(b"\0")]
    else:
        text = os.fsdecode(data.removeprefix(b"\xef\xbb\xbf"))
        lines = [line.removesuffix("\r") for line in text.split("\n")]
        if lines and any("slide" in _header(lines[0], comma) for comma in _COMMAS):
            yield from _from_table(text, "stdin", "", notes)
            return
        names = [line for line in lines if line.strip()]
    yield from ((path_of(name), "") for name in names if name)


def _header(text: str, comma: str = ",") -> list[str]:
    lines = io.StringIO(text, newline="")
    with suppress(csv.Error):  # a word longer than a CSV may have
        return [name.strip().lower() for name in next(csv.reader(lines, delimiter=comma), [])]
    return []


def _no_slides(text: str, where: str) -> SettingsError:
    """The error for a table whose first line names no column ``slide``."""
    for comma, name in _COMMAS.items():
        if "slide" in _header(text, comma):
            return SettingsError(f"{where} separates its columns by {name}; save it with commas")
    line = text.partition("\n")[0].rstrip()[:80]
    return SettingsError(
        f"{where} has no column slide, its first line is {line!r}; begin with the line "
        "slide,cohort and list the slides below"
    )


def _from_table(text: str, where: str, base: str, notes: list[str]) -> Iterator[tuple[str, str]]:
    """Slides and cohorts of a CSV with a header. Paths are relative to ``base``."""
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        if "slide" not in _header(text):
            raise _no_slides(text, where)
        names = [name.strip() for name in reader.fieldnames or []]
        others = [name for name in names if name.lower() not in ("slide", "cohort")]
        if others:
            notes.append(f"columns of {where} that are ignored: {', '.join(others)}")
        first: dict[str, tuple[int, str]] = {}
        for cells in reader:
            row = {
                key.strip().lower(): (value or "").strip() for key, value in cells.items() if key
            }
            line = f"{where}, line {reader.line_num}"
            if None in cells:
                raise SettingsError(
                    f"{line} has more values than there are columns; put names that contain commas "
                    "in quotes"
                )
            if not row["slide"]:
                raise SettingsError(f"{line} names no slide; fill in the column or delete the line")
            path, cohort = path_of(row["slide"], base), row.get("cohort", "")
            seen = first.setdefault(path, (reader.line_num, cohort))
            if seen[1] != cohort:
                raise SettingsError(
                    f"{line}: {row['slide']} is in {_cohort(cohort)}, but in {_cohort(seen[1])} in "
                    f"line {seen[0]}; list each slide once"
                )
            yield path, cohort
    except csv.Error as error:
        raise SettingsError(f"{where} is not a valid CSV ({error}); save it again") from error


def _cohort(name: str) -> str:
    return f"cohort {name}" if name else "no cohort"
