"""Tables and lists of slides: CSV and TSV with cohorts and µm/px, and names line by line."""

from __future__ import annotations

import codecs
import csv
import io
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from wsi_scale.errors import SettingsError
from wsi_scale.slide.metadata import check_mpp, parse_mpp
from wsi_scale.slide.readers.synthetic import PREFIX

TABLES = (".csv", ".tsv", ".txt")
"""Endings of files that list slides."""

_SLIDE = ("slide", "wsi")
"""Names of the column with the slides; TRIDENT calls it ``wsi``."""

_KNOWN = (*_SLIDE, "cohort", "mpp", "mpp_x", "mpp_y")
_COMMAS = ",;\t"
_SAVE = "save it as CSV UTF-8"


class Listed(NamedTuple):
    """A slide, and what a table states about it."""

    path: str
    cohort: str = ""
    """Empty if no table states one."""
    mpp: tuple[float, float] | None = None
    """µm per level-0 px (x, y); None if no table states it."""

    @property
    def stated(self) -> bool:
        """Whether a table states anything."""
        return bool(self.cohort) or self.mpp is not None

    def joined(self, where: str, other: Listed, elsewhere: str) -> Listed:
        """What two mentions of a slide state together. Raises SettingsError if they differ."""
        if self.cohort and other.cohort not in ("", self.cohort):
            raise SettingsError(
                f"{self.path} is in cohort {self.cohort} in {where} but in cohort {other.cohort} "
                f"in {elsewhere}; list each slide once"
            )
        if self.mpp is not None and other.mpp not in (None, self.mpp):
            raise SettingsError(
                f"{self.path} has {_words(self.mpp)} in {where} but {_words(other.mpp)} in "
                f"{elsewhere}; list each slide once"
            )
        return Listed(self.path, self.cohort or other.cohort, self.mpp or other.mpp)


def path_of(name: str | os.PathLike[str], base: str = "") -> str:
    """The absolute path of a slide, relative to ``base``; ``synthetic:…`` stays as it is.

    >>> path_of("b.svs", "/a"), path_of("synthetic:figures")
    ('/a/b.svs', 'synthetic:figures')
    """
    text = os.fspath(name)
    return text if text.startswith(PREFIX) else os.path.abspath(os.path.join(base, text))


def from_file(path: Path, notes: list[str]) -> Iterator[Listed]:
    """Slides of a CSV or TSV with a header, or of a ``.txt`` with one name per line."""
    try:
        data = path.read_bytes()
        text = data.decode("utf-8-sig")
    except OSError as error:
        raise SettingsError(f"cannot read {path}: {error.strerror or error}") from error
    except UnicodeDecodeError:
        raise SettingsError(f"{path} is not in UTF-8; {_SAVE}") from None
    if "\0" in text:  # UTF-16 without a mark
        raise SettingsError(f"{path} is not in UTF-8; {_SAVE}")
    if path.suffix.lower() == ".txt" and not _comma_of(text):
        yield from (Listed(path_of(x, str(path.parent))) for x in _lines(text))
        return
    yield from _from_table(text, str(path), str(path.parent), notes)


def from_text(data: bytes, notes: list[str]) -> Iterator[Listed]:
    """Slides of standard input: one name per line, names separated by NUL, or a table."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise SettingsError(f"stdin is in UTF-16, not in UTF-8; {_SAVE}")
    if b"\0" in data:
        names = [os.fsdecode(x) for x in data.split(b"\0")]
    else:
        text = os.fsdecode(data.removeprefix(b"\xef\xbb\xbf"))
        if _comma_of(text):
            yield from _from_table(text, "stdin", "", notes)
            return
        names = _lines(text)
    yield from (Listed(path_of(name)) for name in names if name)


def _lines(text: str) -> list[str]:
    """The lines that are not blank."""
    lines = (line.removesuffix("\r") for line in text.split("\n"))
    return [line for line in lines if line.strip()]


def _comma_of(text: str) -> str:
    """What separates the columns of a table with a header; empty if it has no column of slides."""
    for comma in _COMMAS:
        if set(_SLIDE) & set(_header(text, comma)):
            return comma
    return ""


def _header(text: str, comma: str) -> list[str]:
    try:
        first = next(csv.reader(io.StringIO(text, newline=""), delimiter=comma), [])
    except csv.Error:  # told when the table is read
        return []
    return [name.strip().lower() for name in first]


def _from_table(text: str, where: str, base: str, notes: list[str]) -> Iterator[Listed]:
    """Slides of a table with a header. Paths are relative to ``base``."""
    comma = _comma_of(text)
    if not comma:
        line = text.partition("\n")[0].rstrip()[:80]
        raise SettingsError(
            f"{where} has no column slide, its first line is {line!r}; begin with the line "
            "slide,cohort and list the slides below"
        )
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=comma, strict=True)
    try:
        names = [name.strip() for name in reader.fieldnames or []]
        others = [name for name in names if name.lower() not in _KNOWN]
        if others:
            notes.append(f"columns of {where} that are ignored: {', '.join(others)}")
        first: dict[str, tuple[int, Listed]] = {}
        for cells in reader:
            if None in cells:
                raise SettingsError(
                    f"{where}, line {reader.line_num} has more values than there are columns; put "
                    "names that contain commas in quotes"
                )
            row = {key.strip().lower(): (value or "").strip() for key, value in cells.items()}
            one = _listed(row, f"{where}, line {reader.line_num}", base, comma)
            before, seen = first.setdefault(one.path, (reader.line_num, one))
            _check_same(one, seen, f"{where}, line {reader.line_num}", before)
            yield one
    except csv.Error as error:
        raise SettingsError(f"{where} is not a valid CSV ({error}); save it again") from error


def _listed(row: dict[str, str], line: str, base: str, comma: str) -> Listed:
    """One row. line: its place, for errors."""
    name = next((row[x] for x in _SLIDE if row.get(x)), "")
    if not name:
        raise SettingsError(f"{line} names no slide; fill in the column or delete the line")
    return Listed(path_of(name, base), row.get("cohort", ""), _mpp_of(row, line, comma))


def _mpp_of(row: dict[str, str], line: str, comma: str) -> tuple[float, float] | None:
    """µm/px from ``mpp``, one number or X,Y, or from ``mpp_x`` and ``mpp_y``; None if empty."""
    sides = [row.get(name, "") for name in ("mpp_x", "mpp_y")]
    text = row.get("mpp", "") or ",".join(sides if all(sides) else filter(None, sides))
    if comma != "," and re.fullmatch(r"\d*,\d+", text):  # as German tables write numbers
        text = text.replace(",", ".")
    try:
        return check_mpp(parse_mpp(text)) if text else None
    except SettingsError as error:
        raise SettingsError(f"{line}: {error}") from None


def _check_same(one: Listed, seen: Listed, where: str, line: int) -> None:
    """Raise SettingsError if a slide is listed twice with different statements."""
    name = os.path.basename(one.path)
    if one.cohort != seen.cohort:
        raise SettingsError(
            f"{where}: {name} is in {_cohort(one.cohort)}, but in {_cohort(seen.cohort)} in line "
            f"{line}; list each slide once"
        )
    if one.mpp != seen.mpp:
        raise SettingsError(
            f"{where}: {name} has {_words(one.mpp)}, but {_words(seen.mpp)} in line {line}; list "
            "each slide once"
        )


def _cohort(name: str) -> str:
    return f"cohort {name}" if name else "no cohort"


def _words(mpp: tuple[float, float] | None) -> str:
    if mpp is None:
        return "no µm/px"
    return f"{mpp[0]:g} µm/px" if mpp[0] == mpp[1] else f"{mpp[0]:g} × {mpp[1]:g} µm/px"
