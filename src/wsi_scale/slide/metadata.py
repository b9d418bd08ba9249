"""Where a slide's resolution comes from, and what else the file says about it: pure text work.

Resolution is micrometres per level-0 pixel (mpp). A file may state it several times, in several
units, and wrongly; every statement is kept as a Finding, one is used, none is invented.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from wsi_scale.errors import SettingsError
from wsi_scale.slide.resolution import power_note
from wsi_scale.slide.statements import UM_PER_INCH, Statement, as_number, stated, statements_of

MPP_RANGE = (0.02, 50.0)
"""µm/px that a microscope or a slide scanner can have produced; the rest is nonsense."""

PRINT_DPI = (72, 75, 96, 100, 120, 150, 200, 240, 300, 600)
"""Print and screen resolutions that software writes where it knows none."""

AGREEMENT = 0.02
"""Two statements agree when they differ by no more than this fraction."""


Status = Literal["used", "agrees", "conflicts", "nonsense", "information"]
Pair = tuple[float, float]


@dataclass(frozen=True)
class Finding:
    """One thing the file says about its resolution, and what was made of it."""

    source: str
    """Field of the file, e.g. ``aperio.MPP``; ``given`` for the user's own value."""
    says: str
    """The value as the file gives it."""
    mpp: float | None
    """The µm/px it amounts to; None if nonsense or no resolution at all."""
    status: Status
    note: str = ""


class Audit(NamedTuple):
    """What a file's metadata amount to."""

    mpp: Pair | None
    """µm per level-0 pixel (x, y); None when the file does not say."""
    mpp_source: str | None
    """The field ``mpp`` was taken from."""
    objective_power: float | None
    """Nominal magnification; never turned into mpp."""
    findings: tuple[Finding, ...]


def plausible_mpp(value: object) -> float | None:
    """µm per pixel as a number, or None when it is missing or nonsense.

    Nonsense is whatever is not finite, lies outside 0.02–50 µm/px, or is a print resolution:
    ``"0.4990" -> 0.499``, ``"0,25" -> 0.25``, ``352.78`` (72 dpi) ``-> None``, ``0 -> None``.
    """
    number = as_number(value)
    if number is None or not MPP_RANGE[0] <= number <= MPP_RANGE[1]:
        return None
    if any(math.isclose(number, UM_PER_INCH / dpi, rel_tol=2e-3) for dpi in PRINT_DPI):
        return None
    return number


def check_mpp(mpp: float | Pair | None) -> Pair | None:
    """The user's mpp as (x, y); SettingsError for what cannot be a pixel size in µm."""
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


def audit_metadata(properties: Mapping[str, str]) -> Audit:
    """Weigh everything a file's properties say about resolution; the best plausible one is used.

    properties: as OpenSlide or TiffSlide name them; for plain images ``image.dpi-x`` / ``-y``, for
    OME-Zarr ``ome-zarr.scale-x`` / ``-y``, ``0.25 micrometer``.
    A vendor's own field goes before the library's, both before TIFF tags and free text. Where
    only one axis is stated, pixels are taken as square and the finding says so.
    """
    claims = list(statements_of(properties))
    (source_x, x), (source_y, y) = _first(claims, "x"), _first(claims, "y")
    square = (x is None) != (y is None)
    note = "the other axis is not stated; pixels are assumed to be square" if square else ""
    mpp = None if x is None and y is None else (x or y or 0.0, y or x or 0.0)
    findings = [*_judge(claims, mpp, note), *_objectives(properties, mpp)]
    powers = [power for power in map(_power, stated(properties, _OBJECTIVE)) if power]
    return Audit(mpp, source_x or source_y, next(iter(powers), None), tuple(findings))


def overrule(findings: tuple[Finding, ...], given: Pair) -> tuple[Finding, ...]:
    """The findings once the user has stated mpp: theirs is used, the file's stay visible."""
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
    """The findings of a slide that has a resolution but nothing to audit, e.g. a drawn one."""
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
    """Source and value of the first plausible claim about one axis."""
    for claim in claims:
        if axis in claim.axes and plausible_mpp(claim.mpp) is not None:
            return claim.source, claim.mpp
    return None, None


def _judge(claims: list[Statement], mpp: Pair | None, note: str) -> Iterator[Finding]:
    used: set[str] = set()
    for claim in claims:
        if plausible_mpp(claim.mpp) is None:
            yield Finding(claim.source, claim.says, None, "nonsense", _why_nonsense(claim))
            continue
        assert mpp is not None
        assert claim.mpp is not None
        if set(claim.axes) - used:
            used |= set(claim.axes)
            yield Finding(claim.source, claim.says, claim.mpp, "used", note)
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
