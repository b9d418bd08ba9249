"""Where a slide's resolution comes from, and what else the file says about it: pure text work.

Resolution is micrometres per level-0 pixel (mpp). A file may state it several times, in several
units, and wrongly; every statement is kept as a Finding, one is used, none is invented.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

from wsi_scale.errors import SettingsError
from wsi_scale.slide.resolution import power_note

MPP_RANGE = (0.02, 50.0)
"""µm/px that a microscope or a slide scanner can have produced; the rest is nonsense."""

PRINT_DPI = (72, 75, 96, 100, 120, 150, 200, 240, 300, 600)
"""Print and screen resolutions that software writes where it knows none."""

AGREEMENT = 0.02
"""Two statements agree when they differ by no more than this fraction."""

UM_PER_INCH = 25400.0
UM_PER_UNIT = {"inch": UM_PER_INCH, "centimeter": 1e4, "millimeter": 1e3, "micrometer": 1.0}
_TIFF_UNIT_CODES = {"2": "inch", "3": "centimeter", "4": "millimeter", "5": "micrometer"}
_OME_UNITS = {"µm": 1.0, "μm": 1.0, "um": 1.0, "nm": 1e-3, "mm": 1e3, "cm": 1e4, "m": 1e6}
_OME_ZARR_UNITS = UM_PER_UNIT | {"angstrom": 1e-4, "nanometer": 1e-3, "meter": 1e6} | _OME_UNITS

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


class _Claim(NamedTuple):
    source: str
    says: str
    mpp: float | None
    axes: str  # "x", "y" or "xy"


def plausible_mpp(value: object) -> float | None:
    """µm per pixel as a number, or None when it is missing or nonsense.

    Nonsense is whatever is not finite, lies outside 0.02–50 µm/px, or is a print resolution:
    ``"0.4990" -> 0.499``, ``"0,25" -> 0.25``, ``352.78`` (72 dpi) ``-> None``, ``0 -> None``.
    """
    number = _number(value)
    if number is None or not MPP_RANGE[0] <= number <= MPP_RANGE[1]:
        return None
    if any(math.isclose(number, UM_PER_INCH / dpi, rel_tol=2e-3) for dpi in PRINT_DPI):
        return None
    return number


def resolution_from_tiff(resolution: object, unit: object) -> float | None:
    """µm per pixel from a TIFF resolution (pixels per unit), None where there is no real unit.

    unit: ``inch``, ``centimeter``, ``millimeter``, ``micrometer`` in any case, or the tag's code.
    (20000, "centimeter") -> 0.5. The result may still be nonsense: see ``plausible_mpp``.
    """
    name = str(unit).strip().lower().removeprefix("resunit.")
    um = UM_PER_UNIT.get(_TIFF_UNIT_CODES.get(name, name))
    pixels = _number(resolution)
    if um is None or pixels is None or pixels <= 0:
        return None
    return um / pixels


def check_mpp(mpp: float | Pair | None) -> Pair | None:
    """The user's mpp as (x, y); SettingsError for what cannot be a pixel size in µm."""
    if mpp is None:
        return None
    values = tuple(mpp) if isinstance(mpp, tuple | list) else (mpp, mpp)
    numbers = [_number(value) for value in values]
    if len(numbers) != 2 or any(n is None or not 1e-4 <= n <= 1e4 for n in numbers):
        raise SettingsError(
            f"mpp must be one number above 0, 0.0001 to 10000, or an (x, y) pair, in µm per "
            f"pixel, got {mpp!r}; for example 0.25"
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
    claims = list(_claims(properties))
    (source_x, x), (source_y, y) = _first(claims, "x"), _first(claims, "y")
    square = (x is None) != (y is None)
    note = "the other axis is not stated, pixels are taken as square" if square else ""
    mpp = None if x is None and y is None else (x or y or 0.0, y or x or 0.0)
    findings = [*_judge(claims, mpp, note), *_objectives(properties, mpp)]
    powers = [power for power in map(_power, _stated(properties, _OBJECTIVE)) if power]
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


_MPP_FIELDS = (
    ("aperio.MPP", "aperio.MPP", 1.0),
    (
        "mirax.LAYER_0_LEVEL_0_SECTION.MICROMETER_PER_PIXEL_X",
        "mirax.LAYER_0_LEVEL_0_SECTION.MICROMETER_PER_PIXEL_Y",
        1.0,
    ),
    ("ventana.ScanRes", "ventana.ScanRes", 1.0),
    (
        "dicom.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].PixelSpacing[1]",
        "dicom.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].PixelSpacing[0]",
        1e3,
    ),
    ("openslide.mpp-x", "openslide.mpp-y", 1.0),
    ("tiffslide.mpp-x", "tiffslide.mpp-y", 1.0),
)
"""Field of x, field of y, µm per unit of the field. DICOM gives the spacing of rows (y) first."""

_OBJECTIVE = (
    "openslide.objective-power",
    "tiffslide.objective-power",
    "aperio.AppMag",
    "hamamatsu.SourceLens",
    "hamamatsu.Objective.Lens.Magnificant",
)
_DESCRIPTIONS = ("tiff.ImageDescription", "openslide.comment", "tiffslide.comment")
_Y_ENDINGS = ("-y", "_Y", "YResolution", "SizeY", "PixelSpacing[0]")


def _claims(properties: Mapping[str, str]) -> Iterator[_Claim]:
    """Every statement of resolution, most trustworthy first."""
    text = next(iter(_stated(properties, _DESCRIPTIONS)), "")
    yield from _ome_claims(text)
    yield from _ome_zarr_claims(properties)
    for field_x, field_y, um in _MPP_FIELDS:
        if field_x == field_y and field_x in properties:
            yield _claim(field_x, properties[field_x], um, "xy")
            continue
        for name, axis in ((field_x, "x"), (field_y, "y")):
            if name in properties:
                yield _claim(name, properties[name], um, axis)
    yield from _tag_claims(properties, text)
    yield from _text_claims(properties, text)
    for name, axis in (("image.dpi-x", "x"), ("image.dpi-y", "y")):
        if name in properties:
            found = resolution_from_tiff(properties[name], "inch")
            yield _Claim(name, f"{properties[name]} dpi", found, axis)


def _claim(source: str, says: str, um: float, axes: str) -> _Claim:
    number = _number(says)
    short = re.sub(r"\w+Sequence\[0\]\.", "", source)
    return _Claim(short, says, None if number is None else number * um, axes)


def _ome_claims(text: str) -> Iterator[_Claim]:
    """OME-XML ``PhysicalSizeX`` and ``Y`` of the first image; µm unless the file names a unit."""
    if "<OME" not in text:
        return
    for axis in "XY":
        size = re.search(rf'\bPhysicalSize{axis}="([^"]*)"', text)
        unit = re.search(rf'\bPhysicalSize{axis}Unit="([^"]*)"', text)
        if size:
            name = unit.group(1) if unit else "µm"
            um = _OME_UNITS.get(name)
            number = _number(size.group(1))
            found = None if um is None or number is None else number * um
            yield _Claim(f"ome.PhysicalSize{axis}", f"{size.group(1)} {name}", found, axis.lower())


def _ome_zarr_claims(properties: Mapping[str, str]) -> Iterator[_Claim]:
    """OME-Zarr's scale of the finest level; without a unit it is a ratio, no resolution."""
    for name, axis in (("ome-zarr.scale-x", "x"), ("ome-zarr.scale-y", "y")):
        if name in properties:
            scale, _, unit = properties[name].partition(" ")
            um, number = _OME_ZARR_UNITS.get(unit), _number(scale)
            found = None if um is None or number is None else number * um
            yield _Claim(name, properties[name], found, axis)


def _tag_claims(properties: Mapping[str, str], text: str) -> Iterator[_Claim]:
    """TIFF resolution tags. ImageJ leaves the tag's unit empty and names it in the description."""
    unit = properties.get("tiff.ResolutionUnit", "none")
    if "ImageJ=" in text and re.search(r"unit=(micron|um|µm|\\u00B5m)", text):
        unit = "micrometer"
    for name, axis in (("tiff.XResolution", "x"), ("tiff.YResolution", "y")):
        if name in properties:
            says = f"{properties[name]} px per {unit.lower()}"
            yield _Claim(name, says, resolution_from_tiff(properties[name], unit), axis)


def _text_claims(properties: Mapping[str, str], text: str) -> Iterator[_Claim]:
    """``MPP = 0.25`` in free text, where no Aperio field carries it already."""
    found = re.search(r"\bMPP\s*=\s*([0-9.,eE+-]+)", text)
    if found and "aperio.MPP" not in properties:
        yield _Claim("ImageDescription", found.group(0), _number(found.group(1)), "xy")


def _first(claims: list[_Claim], axis: str) -> tuple[str | None, float | None]:
    """Source and value of the first plausible claim about one axis."""
    for claim in claims:
        if axis in claim.axes and plausible_mpp(claim.mpp) is not None:
            return claim.source, claim.mpp
    return None, None


def _judge(claims: list[_Claim], mpp: Pair | None, note: str) -> Iterator[Finding]:
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


def _why_nonsense(claim: _Claim) -> str:
    if claim.mpp is None:
        return "no number with a unit of length"
    for dpi in PRINT_DPI:
        if math.isclose(claim.mpp, UM_PER_INCH / dpi, rel_tol=2e-3):
            return f"{claim.mpp:.1f} µm/px is {dpi} dpi, a print resolution"
    return f"{claim.mpp:g} µm/px is outside {MPP_RANGE[0]:g} to {MPP_RANGE[1]:g}"


def _objectives(properties: Mapping[str, str], mpp: Pair | None) -> Iterator[Finding]:
    for name in _OBJECTIVE:
        if says := properties.get(name):
            yield Finding(name, says, None, "information", power_note(_power(says), mpp))


def _stated(properties: Mapping[str, str], names: tuple[str, ...]) -> Iterator[str]:
    return (properties[name] for name in names if properties.get(name))


def _power(text: str) -> float | None:
    number = _number(text.lower().rstrip("x"))
    return number if number is not None and 0 < number <= 200 else None


def _number(value: Any) -> float | None:
    if isinstance(value, str):
        value = value.strip().replace(",", ".")
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError, ZeroDivisionError):
        return None
    return number if math.isfinite(number) else None
