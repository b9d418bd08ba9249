"""Audits what a file states about its resolution: pure text work.

Resolution is micrometres per level-0 pixel (mpp). A file may state it several times, in several
units, and wrongly. Every statement is kept as a Finding. At most one per axis is used, and none is
invented.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from wsi_scale.errors import SettingsError
from wsi_scale.slide.lengths import UM_PER_INCH
from wsi_scale.slide.resolution import power_note
from wsi_scale.slide.statements import Statement, as_number, stated, statements_of

MPP_RANGE = (0.02, 50.0)
"""µm/px that a microscope or a slide scanner can produce. Anything else is nonsense."""

PRINT_DPI = (72, 75, 96, 100, 120, 150, 200, 240, 300, 600)
"""Print and screen resolutions that software writes when it does not know the real one."""

AGREEMENT = 0.02
"""Two statements agree if they differ by at most this share."""

GIVEN = "given"
"""The source of a µm/px that the user stated."""

Status = Literal["used", "agrees", "conflicts", "nonsense", "information"]
Pair = tuple[float, float]


@dataclass(frozen=True)
class Finding:
    """One thing that the file states about its resolution, and how it was judged."""

    source: str
    """Field of the file, e.g. ``aperio.MPP``; ``given`` for the user's value."""
    says: str
    """The value as the file states it."""
    mpp: float | None
    """The value in µm/px; None if it is nonsense or not a resolution."""
    status: Status
    """Whether the statement is used, agrees or conflicts with the one used, or neither."""
    note: str = ""
    """Why, in words; may be empty."""


class Audit(NamedTuple):
    """What a file's metadata state, taken together."""

    mpp: Pair | None
    """µm per level-0 pixel (x, y); None if the file does not state it."""
    mpp_source: str | None
    """The field that ``mpp`` was taken from."""
    objective_power: float | None
    """Nominal magnification; never turned into mpp."""
    findings: tuple[Finding, ...]
    """Every statement about resolution and magnification."""


def plausible_mpp(value: object) -> float | None:
    """µm/px as a number, or None if it is missing or nonsense.

    Parameters
    ----------
    value : object
        A number, or text with a decimal point or comma.

    Returns
    -------
    float or None
        µm/px. None for what is not a finite number, lies outside 0.02 to 50 µm/px, or is a print
        or screen resolution such as 72 dpi.

    Examples
    --------
    >>> [plausible_mpp(value) for value in ("0.4990", "0,25", 352.78, 0)]
    [0.499, 0.25, None, None]
    """
    number = as_number(value)
    if number is None or not MPP_RANGE[0] <= number <= MPP_RANGE[1]:
        return None
    if any(math.isclose(number, UM_PER_INCH / dpi, rel_tol=2e-3) for dpi in PRINT_DPI):
        return None
    return number


def check_mpp(mpp: float | Pair | None) -> Pair | None:
    """The user's mpp as (x, y). Raises SettingsError if it cannot be a pixel size in µm."""
    if mpp is None:
        return None
    values = tuple(mpp) if isinstance(mpp, tuple | list) else (mpp, mpp)
    numbers = [as_number(value) for value in values]
    if len(numbers) != 2 or any(n is None or not 1e-4 <= n <= 1e4 for n in numbers):
        raise SettingsError(
            f"mpp must be one number or an (x, y) pair, from 0.0001 to 10000 µm per pixel, "
            f"got {mpp!r}; for example 0.25"
        )
    x, y = (float(n) for n in numbers if n is not None)
    return x, y


def parse_mpp(text: str) -> float | Pair:
    """µm/px as typed: one number, or the pixel's width and height as ``X,Y``.

    Raises SettingsError for anything else, and where a comma seems to stand for a point.

    >>> parse_mpp("0.25"), parse_mpp("0.25, 0.26")
    (0.25, (0.25, 0.26))
    """
    parts = text.split(",")
    try:
        numbers = [float(part) for part in parts]
    except ValueError:
        numbers = []
    if len(numbers) not in (1, 2):
        raise SettingsError(f"{text!r} is not a number of µm, nor two as X,Y; for example 0.25")
    if len(numbers) == 2 and not 1 / _LONGEST <= numbers[0] / (numbers[1] or math.inf) <= _LONGEST:
        raise SettingsError(
            f"{text!r} means pixels of {numbers[0]:g} × {numbers[1]:g} µm, which no scanner makes; "
            "write the number with a point, for example 0.25"
        )
    x, y = check_mpp(numbers[0] if len(numbers) == 1 else (numbers[0], numbers[1])) or (0.0, 0.0)
    return x if len(numbers) == 1 else (x, y)


_LONGEST = 4.0
"""No pixel is longer than this many times its width."""


def audit_metadata(properties: Mapping[str, str], size: tuple[int, int] | None = None) -> Audit:
    """µm/px and magnification from a file's properties, with every statement judged.

    The most trustworthy plausible statement is used. A field of the vendor comes before one of the
    library, and both come before TIFF tags and free text. If only one axis is stated, pixels are
    assumed to be square, and the finding says so.

    Parameters
    ----------
    properties : mapping of str to str
        Names as in OpenSlide or TiffSlide. For plain images ``image.dpi-x`` and ``-y``; for
        OME-Zarr ``ome-zarr.scale-x`` and ``-y``, with values such as ``0.25 micrometer``.
    size : (int, int), optional
        Width and height of the image, px. OME-XML may describe several images; what it says of the
        one of this size counts.

    Returns
    -------
    Audit
        ``mpp``, ``mpp_source``, ``objective_power`` and all findings.

    Examples
    --------
    >>> audit = audit_metadata({"aperio.MPP": "0.499", "image.dpi-x": "72"})
    >>> audit.mpp, audit.mpp_source
    ((0.499, 0.499), 'aperio.MPP')
    >>> [(finding.source, finding.status) for finding in audit.findings]
    [('aperio.MPP', 'used'), ('image.dpi-x', 'nonsense')]
    """
    claims = list(statements_of(properties, size))
    (source_x, x), (source_y, y) = _first(claims, "x"), _first(claims, "y")
    square = (x is None) != (y is None)
    note = "the other axis is not stated; pixels are assumed to be square" if square else ""
    mpp = None if x is None and y is None else (x or y or 0.0, y or x or 0.0)
    findings = [*_judge(claims, mpp, note), *_objectives(properties, mpp)]
    powers = [power for power in map(_power, stated(properties, _OBJECTIVE)) if power]
    return Audit(mpp, source_x or source_y, next(iter(powers), None), tuple(findings))


def overrule(findings: tuple[Finding, ...], given: Pair) -> tuple[Finding, ...]:
    """The findings after the user gave mpp: that value is used, the file's own stay visible."""
    (stated,) = own_statement(given, "given")
    judged = []
    for finding in findings:
        if finding.mpp is not None and finding.status != "information":
            axis = given[1] if finding.source.endswith(_Y_ENDINGS) else given[0]
            status = _compare(finding.mpp, axis)
            note = "overruled by the given mpp" if finding.status == "used" else ""
            finding = replace(finding, status=status, note=note)
        elif finding.source in _OBJECTIVE:
            finding = replace(finding, note=power_note(_power(finding.says), given))
        judged.append(finding)
    return (replace(stated, note="stated by the user"), *judged)


def own_statement(mpp: Pair | None, source: str | None) -> tuple[Finding, ...]:
    """The finding for a slide that has a resolution but no metadata, e.g. a drawn one."""
    if mpp is None:
        return ()
    says = f"{mpp[0]:g}" if mpp[0] == mpp[1] else f"{mpp[0]:g}, {mpp[1]:g}"
    return (Finding(source or "slide", says, mpp[0], "used"),)


_OBJECTIVE = (
    "openslide.objective-power",
    "tiffslide.objective-power",
    "aperio.AppMag",
    "hamamatsu.SourceLens",
    "hamamatsu.Objective.Lens.Magnificant",
)
_Y_ENDINGS = ("-y", "_Y", "YResolution", "SizeY", "PixelSpacing[0]")


def _first(claims: list[Statement], axis: str) -> tuple[str | None, float | None]:
    """Source and value of the first plausible statement about one axis."""
    for claim in claims:
        if axis in claim.axes and plausible_mpp(claim.mpp) is not None:
            return claim.source, claim.mpp
    return None, None


def _judge(claims: list[Statement], mpp: Pair | None, note: str) -> Iterator[Finding]:
    used: set[str] = set()
    for claim in claims:
        if not claim.axes:
            yield Finding(claim.source, claim.says, None, "information", claim.note)
            continue
        if plausible_mpp(claim.mpp) is None:
            yield Finding(claim.source, claim.says, None, "nonsense", _why_nonsense(claim))
            continue
        assert mpp is not None
        assert claim.mpp is not None
        if set(claim.axes) - used:
            used |= set(claim.axes)
            notes = "; ".join(filter(None, [claim.note, note]))
            yield Finding(claim.source, claim.says, claim.mpp, "used", notes)
            continue
        status = _compare(claim.mpp, mpp[1] if claim.axes == "y" else mpp[0])
        yield Finding(claim.source, claim.says, claim.mpp, status)


def _compare(mpp: float, used: float) -> Status:
    return "agrees" if math.isclose(mpp, used, rel_tol=AGREEMENT) else "conflicts"


def _why_nonsense(claim: Statement) -> str:
    if claim.mpp is None:
        return "not a number with a unit of length"
    for dpi in PRINT_DPI:
        if math.isclose(claim.mpp, UM_PER_INCH / dpi, rel_tol=2e-3):
            return f"{claim.mpp:.1f} µm/px is {dpi} dpi, a print resolution"
    return f"{claim.mpp:g} µm/px is outside {MPP_RANGE[0]:g} to {MPP_RANGE[1]:g}"


def _objectives(properties: Mapping[str, str], mpp: Pair | None) -> Iterator[Finding]:
    for name in _OBJECTIVE:
        if says := properties.get(name):
            yield Finding(name, says, None, "information", power_note(_power(says), mpp))


def _power(text: str) -> float | None:
    number = as_number(text.lower().rstrip("x"))
    return number if number is not None and 0 < number <= 200 else None
