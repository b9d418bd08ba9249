"""The list of slides whose right scale is known: a CSV, checked line by line."""

from __future__ import annotations

import csv
import hashlib
import json
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from wsi_scale.errors import SettingsError
from wsi_scale.slide.readers.synthetic import PREFIX

COLUMNS = ("slide", "group", "scale", "mpp", "class", "mask")
HEADER = "slide,group,scale|mpp,class|mask"


class Row(BaseModel):
    """One slide."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    line: int
    """Line of the file, for errors."""
    slide: str
    """As written: a path relative to the manifest, or ``synthetic:…``."""
    group: str = ""
    """Rows of one group err together; if empty, the slide is its own group."""
    scale: float | None = None
    """The right scale, level-0 px per network px."""
    mpp: float | None = None
    """The µm/px that the network wants; divided by the slide's own, it gives the right scale."""
    kind: str | None = Field(None, alias="class")
    """The class that a classifier should see everywhere on the slide."""
    mask: str | None = None
    """Label image at level 0; a segmenter should find everything that is not 0."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        for name in ("scale", "mpp"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value > 0):
                raise ValueError(f"{name} must be a number above 0, got {value:g}")
        if (self.scale is None) == (self.mpp is None):
            both = "both" if self.scale is not None else "neither"
            raise ValueError(f"give either scale or mpp; this line has {both}")
        if self.kind is not None and self.mask is not None:
            raise ValueError(
                "give class for a classifier or mask for a segmenter; this line has both"
            )
        return self

    @property
    def block(self) -> str:
        """Name of the row's group."""
        return self.group or self.slide


@dataclass(frozen=True)
class Manifest:
    """All slides of a bench, in the order of the file."""

    path: Path
    rows: tuple[Row, ...]

    @property
    def sha256(self) -> str:
        """SHA-256 of the file's values, without blanks and line ends."""
        values = [row.model_dump(exclude={"line"}, by_alias=True) for row in self.rows]
        return hashlib.sha256(json.dumps(values).encode()).hexdigest()

    def where(self, row: Row) -> str:
        """The place of a row, to begin a sentence: ``slides.csv, line 3``."""
        return f"{self.path}, line {row.line}"

    def find(self, name: str) -> str:
        """A path from the manifest in a form that can be opened from here."""
        return name if name.startswith(PREFIX) else str(self.path.parent / name)

    def stem(self, row: Row) -> str:
        """Start of the names of a row's files: its number and the plain words of its slide."""
        name = row.slide.removeprefix(PREFIX).replace("\\", "/").rpartition("/")[2]
        words = re.findall(r"[A-Za-z0-9.]+", name)
        return f"{self.rows.index(row) + 1:04}-{'-'.join(words)[:40].strip('-.')}"


def read_manifest(path: Path) -> Manifest:
    """The manifest in a CSV file, checked line by line.

    Parameters
    ----------
    path : pathlib.Path
        CSV in UTF-8 with a header; ``docs/evaluate.md`` lists the columns.

    Returns
    -------
    Manifest
        Rows in the order of the file.

    Raises
    ------
    SettingsError
        When the file cannot be read or a line is wrong; the message names the line and the value.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "slides.csv"
    ...     _ = path.write_text("slide,scale\\na.svs,2.0\\nb.svs,4.0\\n")
    ...     manifest = read_manifest(path)
    >>> [(row.slide, row.scale) for row in manifest.rows]
    [('a.svs', 2.0), ('b.svs', 4.0)]
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, strict=True)
            _check_header(path, list(reader.fieldnames or []))
            rows = tuple(_read_row(path, reader.line_num, cells) for cells in reader)
    except OSError as error:
        raise SettingsError(f"cannot read {path}: {error.strerror or error}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise SettingsError(f"{path} is not a CSV file in UTF-8: {error}") from error
    if not rows:
        raise SettingsError(f"{path} lists no slides; the columns are {HEADER}")
    first: dict[str, int] = {}
    for row in rows:
        if row.slide in first:
            raise SettingsError(
                f"{path}, line {row.line}: slide {row.slide} is already in line "
                f"{first[row.slide]}; list each slide once"
            )
        first[row.slide] = row.line
    return Manifest(path, rows)


def _check_header(path: Path, header: list[str]) -> None:
    names = [name.strip() for name in header]
    for name in names:
        if name not in COLUMNS or names.count(name) > 1:
            fault = "has an unknown column" if name not in COLUMNS else "repeats the column"
            raise SettingsError(f"{path} {fault} {name!r}; the columns are {HEADER}")
    for wanted in (("slide",), ("scale", "mpp")):
        if not set(wanted) & set(names):
            raise SettingsError(
                f"{path} has no column {' or '.join(wanted)}; the columns are {HEADER}"
            )


def _read_row(path: Path, line: int, cells: dict[str, str | None]) -> Row:
    where = f"{path}, line {line}"
    if None in cells:
        raise SettingsError(
            f"{where} has more values than there are columns; put a name with commas in quotes"
        )
    values = {key.strip(): value.strip() for key, value in cells.items() if value and value.strip()}
    if "slide" not in values:
        raise SettingsError(f"{where} names no slide; fill the column or delete the line")
    try:
        return Row.model_validate({"line": line, **values})
    except ValidationError as error:
        first = error.errors()[0]
        if first["type"] == "value_error":
            raise SettingsError(f"{where}: {first['ctx']['error']}") from None
        name = first["loc"][0]
        raise SettingsError(
            f"{where}: {name} must be a number above 0, got {first['input']!r}"
        ) from None
