"""What a file states about its resolution, field by field. Nothing is judged here."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

UM_PER_INCH = 25400.0
UM_PER_UNIT = {"inch": UM_PER_INCH, "centimeter": 1e4, "millimeter": 1e3, "micrometer": 1.0}
_TIFF_UNIT_CODES = {"2": "inch", "3": "centimeter", "4": "millimeter", "5": "micrometer"}
_OME_UNITS = {"µm": 1.0, "μm": 1.0, "um": 1.0, "nm": 1e-3, "mm": 1e3, "cm": 1e4, "m": 1e6}
_OME_ZARR_UNITS = UM_PER_UNIT | {"angstrom": 1e-4, "nanometer": 1e-3, "meter": 1e6} | _OME_UNITS

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
"""Field for x, field for y, µm per unit of the field. DICOM states the row spacing (y) first."""

_DESCRIPTIONS = ("tiff.ImageDescription", "openslide.comment", "tiffslide.comment")


class Statement(NamedTuple):
    """One thing that a file states about its resolution."""

    source: str
    """Name of the field."""
    says: str
    """Value as the file states it."""
    mpp: float | None
    """The value in µm/px; None if it is not a length per pixel."""
    axes: str
    """``"x"``, ``"y"`` or ``"xy"``."""


def statements_of(properties: Mapping[str, str]) -> Iterator[Statement]:
    """Every statement about resolution, the most trustworthy first."""
    text = next(iter(stated(properties, _DESCRIPTIONS)), "")
    yield from _ome_claims(text)
    yield from _ome_zarr_claims(properties)
    for field_x, field_y, um in _MPP_FIELDS:
        if field_x == field_y and field_x in properties:
            yield _statement(field_x, properties[field_x], um, "xy")
            continue
        for name, axis in ((field_x, "x"), (field_y, "y")):
            if name in properties:
                yield _statement(name, properties[name], um, axis)
    yield from _tag_claims(properties, text)
    yield from _text_claims(properties, text)
    for name, axis in (("image.dpi-x", "x"), ("image.dpi-y", "y")):
        if name in properties:
            found = resolution_from_tiff(properties[name], "inch")
            yield Statement(name, f"{properties[name]} dpi", found, axis)


def _statement(source: str, says: str, um: float, axes: str) -> Statement:
    number = as_number(says)
    short = re.sub(r"\w+Sequence\[0\]\.", "", source)
    return Statement(short, says, None if number is None else number * um, axes)


def _ome_claims(text: str) -> Iterator[Statement]:
    """OME-XML ``PhysicalSizeX`` and ``Y`` of the first image; µm unless the file names a unit."""
    if "<OME" not in text:
        return
    for axis in "XY":
        size = re.search(rf'\bPhysicalSize{axis}="([^"]*)"', text)
        unit = re.search(rf'\bPhysicalSize{axis}Unit="([^"]*)"', text)
        if size:
            name = unit.group(1) if unit else "µm"
            um = _OME_UNITS.get(name)
            number = as_number(size.group(1))
            found = None if um is None or number is None else number * um
            yield Statement(
                f"ome.PhysicalSize{axis}", f"{size.group(1)} {name}", found, axis.lower()
            )


def _ome_zarr_claims(properties: Mapping[str, str]) -> Iterator[Statement]:
    """OME-Zarr's scale of the finest level. Without a unit it is a ratio, not a resolution."""
    for name, axis in (("ome-zarr.scale-x", "x"), ("ome-zarr.scale-y", "y")):
        if name in properties:
            scale, _, unit = properties[name].partition(" ")
            um, number = _OME_ZARR_UNITS.get(unit), as_number(scale)
            found = None if um is None or number is None else number * um
            yield Statement(name, properties[name], found, axis)


def _tag_claims(properties: Mapping[str, str], text: str) -> Iterator[Statement]:
    """TIFF resolution tags. ImageJ leaves the unit tag empty and writes it in the description."""
    unit = properties.get("tiff.ResolutionUnit", "none")
    if "ImageJ=" in text and re.search(r"unit=(micron|um|µm|\\u00B5m)", text):
        unit = "micrometer"
    for name, axis in (("tiff.XResolution", "x"), ("tiff.YResolution", "y")):
        if name in properties:
            says = f"{properties[name]} px per {unit.lower()}"
            yield Statement(name, says, resolution_from_tiff(properties[name], unit), axis)


def _text_claims(properties: Mapping[str, str], text: str) -> Iterator[Statement]:
    """``MPP = 0.25`` in free text, unless there is an Aperio field for it."""
    found = re.search(r"\bMPP\s*=\s*([0-9.,eE+-]+)", text)
    if found and "aperio.MPP" not in properties:
        yield Statement("ImageDescription", found.group(0), as_number(found.group(1)), "xy")


def resolution_from_tiff(resolution: object, unit: object) -> float | None:
    """µm per pixel from a TIFF resolution (pixels per unit); None if the unit is not a length.

    unit: ``inch``, ``centimeter``, ``millimeter`` or ``micrometer``, in any case, or the tag's
    code. The result may still be nonsense; ``plausible_mpp`` checks that.

    >>> resolution_from_tiff(20000, "centimeter")
    0.5
    """
    name = str(unit).strip().lower().removeprefix("resunit.")
    um = UM_PER_UNIT.get(_TIFF_UNIT_CODES.get(name, name))
    pixels = as_number(resolution)
    if um is None or pixels is None or pixels <= 0:
        return None
    return um / pixels


def stated(properties: Mapping[str, str], names: tuple[str, ...]) -> Iterator[str]:
    """The values of those named properties that are not empty."""
    return (properties[name] for name in names if properties.get(name))


def as_number(value: Any) -> float | None:
    """A finite number, also from text with a decimal comma; None for anything else.

    >>> as_number("0,25"), as_number("n/a")
    (0.25, None)
    """
    if isinstance(value, str):
        value = value.strip().replace(",", ".")
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError, ZeroDivisionError):
        return None
    return number if math.isfinite(number) else None
