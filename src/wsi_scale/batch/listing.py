"""Finds the slides of a batch: in folders, patterns, CSV files, standard input, single names."""

from __future__ import annotations

import glob
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from wsi_scale.batch.slide_table import TABLES, Listed, from_file, from_text, path_of
from wsi_scale.errors import SettingsError
from wsi_scale.slide.readers import is_slide_folder
from wsi_scale.slide.readers._previews import LISTS, parts_of
from wsi_scale.slide.readers.synthetic import PREFIX

SUFFIXES = frozenset(
    (
        *(".svs", ".svslide", ".tif", ".tiff", ".ndpi", ".vms", ".vmu", ".scn", ".mrxs", ".bif"),
        *(".czi", ".qptiff", ".dcm", ".zip", ".ozx", ".btf", ".tf8"),
        *(".png", ".jpg", ".jpeg", ".jp2", ".bmp", ".webp"),
    )
)
"""Endings of the files that are taken from a folder. A file named directly may end in anything."""

_WILD = frozenset("*?[")

_BESIDE_SLIDES = frozenset(
    (
        *(".txt", ".csv", ".tsv", ".json", ".jsonl", ".geojson", ".xml", ".html", ".md", ".pdf"),
        *(".ini", ".dat", ".ets", ".opt", ".log", ".yaml", ".yml", ".toml", ".py", ".ipynb"),
        *(".parquet", ".npz", ".npy", ".h5", ".pt", ".pth", ".ckpt", ".safetensors", ".xls"),
        *(".xlsx", ".doc", ".docx", ".pptx", ".gz", ".tar", ".7z", ".md5", ".sha256", ".svg"),
        *(".qpdata", ".qpproj", ".ndpa", ".ndpis", ".db", ".lock", ".bak", ".tmp", ".sh", ".r"),
    )
)
"""Endings that nobody takes for a slide's: lists, results, notes, parts of slides."""


@dataclass(frozen=True)
class Entry:
    """One slide of a batch."""

    path: str
    """Absolute, so that it means the same in every process. ``synthetic:…`` stays as it is."""
    cohort: str
    """The cohort in the CSV, or else the slide's folder."""
    mpp: tuple[float, float] | None = None
    """µm per level-0 px (x, y) in the CSV; None if it states none."""


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
        CSV or TSV with a column ``slide`` (or ``wsi``) and perhaps ``cohort`` and ``mpp``, ``-``
        for standard input, or a slide.
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
        When a word names nothing, when no slide is left, or when a slide has two cohorts or two
        µm/px.

    Examples
    --------
    >>> list_slides(["-"], b"slide,cohort\nsynthetic:figures,A\n").entries
    (Entry(path='synthetic:figures', cohort='A', mpp=None),)
    """
    given: dict[str, tuple[Listed, str]] = {}
    notes: list[str] = []
    results = {os.path.abspath(path) for path in leave_out}
    for word in words:
        for one in _expand(word, stdin, notes):
            if one.path not in results:
                first, where = given.get(one.path, (one, word))
                given[one.path] = (first.joined(where, one, word), where if first.stated else word)
    if not given:
        raise SettingsError("no slide was given; name slides, a folder, a pattern or a CSV")
    entries = (Entry(x.path, x.cohort or _folder_of(x.path), x.mpp) for x, _ in given.values())
    return Listing(tuple(entries), tuple(notes))


def _expand(word: str, stdin: bytes, notes: list[str]) -> Iterable[Listed]:
    """Paths, each with what a table states about it."""
    if word == "-":
        return list(from_text(stdin, notes))
    if word.startswith(PREFIX):
        return [Listed(path_of(word))]
    if not os.path.lexists(word) and _WILD & set(word):
        matches = sorted(glob.glob(word, recursive=True))
        slides = [
            x for x in matches if is_slide_folder(x) or (os.path.isfile(x) and not _is_summary(x))
        ]
        if not slides:
            raise SettingsError(f"no slide matches {word!r}; check the pattern")
        return [Listed(path_of(x)) for x in slides]
    if not os.path.lexists(word):
        raise SettingsError(
            f"there is no file or folder {word!r}; name a slide, a folder, a pattern or a CSV"
        )
    if os.path.isdir(word) and not is_slide_folder(word):
        return [Listed(path_of(x)) for x in _inside(word, notes)]
    if word.lower().endswith(TABLES):
        return list(from_file(Path(word), notes))
    return [Listed(path_of(word))]


def _folder_of(path: str) -> str:
    """The cohort of a slide that no CSV gives one: its folder."""
    return PREFIX.rstrip(":") if path.startswith(PREFIX) else os.path.dirname(path)


def _inside(word: str, notes: list[str]) -> list[str]:
    """The slides in a folder, with a note on the files that were left out for their ending."""
    left_out: Counter[str] = Counter()
    inside = list(_walk(Path(word), notes, left_out))
    many = sum(left_out.values())
    files = "1 file" if many == 1 else f"{many} files"
    counts = ", ".join(f"{n} {ending}" for ending, n in sorted(left_out.items()))
    if not inside:
        more = f" ({counts} cannot be read; convert them)" if many else "; check the path"
        raise SettingsError(f"there is no slide in the folder {word}{more}")
    if many:
        notes.append(
            f"{files} in {word} left out, for no reader takes files with that ending: {counts}; "
            "convert them, for example to OME-TIFF, or name one to try it"
        )
    return inside


def _walk(folder: Path, notes: list[str], left_out: Counter[str]) -> Iterator[str]:
    """Slides in a folder and its subfolders, by name. A folder that is a slide is not searched."""
    try:
        items = sorted(os.scandir(folder), key=lambda item: item.name)
    except OSError as error:
        raise SettingsError(
            f"cannot list {folder}: {error.strerror}; change its permissions"
        ) from None
    dicom: list[str] = []
    parts = {
        part
        for item in items
        if item.name.lower().endswith(LISTS)
        for part in parts_of(Path(item.path))
    }
    for item in items:
        if item.name.startswith(".") or Path(item.path) in parts:
            continue
        suffix = Path(item.name).suffix.lower()
        if item.is_dir():
            if is_slide_folder(item.path):
                yield item.path
            elif item.is_symlink():  # it may lead back up
                notes.append(
                    f"{item.path} is a link to a folder and was not searched; name it too if it "
                    "holds slides"
                )
            else:
                yield from _walk(Path(item.path), notes, left_out)
        elif suffix == ".dcm":
            dicom.append(item.path)
        elif suffix in SUFFIXES:
            if not _is_summary(item.path):
                yield item.path
        elif suffix not in _BESIDE_SLIDES and (suffix or _is_dicom(item.path)):
            left_out[suffix or "DICOM without an ending"] += 1
    if dicom:
        if len(dicom) > 1:
            notes.append(
                f"{folder} holds {len(dicom)} DICOM files, which count as one slide; if they are "
                "several slides, name one file of each in a CSV"
            )
        yield dicom[0]


def _is_dicom(path: str) -> bool:
    """Whether a file begins as DICOM does."""
    try:
        with Path(path).open("rb") as file:
            return file.read(132)[128:] == b"DICM"
    except OSError:
        return False


def _is_summary(path: str) -> bool:
    """Whether it is part of a batch's summary: ``X.summary.png`` with an ``X.summary.md``."""
    stem, suffix = os.path.splitext(path)
    is_named_so = stem.endswith(".summary") and suffix in (".md", ".html", ".png")
    return is_named_so and os.path.isfile(f"{stem}.md")
