"""What a file states about its resolution, field by field. Nothing is judged here."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from wsi_scale.slide.lengths import um_per
from wsi_scale.slide.ome_xml import OmeImage, parse_ome

_TIFF_UNIT_CODES = {"2": "inch", "3": "centimeter", "4": "millimeter", "5": "micrometer"}

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
    """``"x"``, ``"y"`` or ``"xy"``; empty for a statement about something else than this image."""
    note: str = ""
    """What a reader should know about it; may be empty."""


def statements_of(
    properties: Mapping[str, str], size: tuple[int, int] | None = None
) -> Iterator[Statement]:
    """Every statement about resolution, the most trustworthy first.

    size: width and height of the image in px, by which OME-XML of several images is understood.
    """
    text = next(iter(stated(properties, _DESCRIPTIONS)), "")
    yield from _ome_claims(text, size)
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


def _ome_claims(text: str, size: tuple[int, int] | None) -> Iterator[Statement]:
    """OME-XML ``PhysicalSizeX`` and ``Y`` of the image of that size; the other images' beside."""
    found = parse_ome(text)
    if found is None:
        return
    if found.fault:
        yield Statement("ome", "OME-XML", None, "", found.fault)
    images = found.images
    fitting = [image for image in images if size is None or image.size == size]
    ours = (fitting or (list(images) if len(images) == 1 else []))[:1]
    for image in ours:
        yield from _physical_sizes(
            image, "" if image in fitting else f"{_of_size(image)}, not this"
        )
    for image in images:
        if image not in ours:
            for claim in _physical_sizes(image, f"of another image, {_named(image)}"):
                yield claim._replace(axes="")


def _physical_sizes(image: OmeImage, note: str) -> Iterator[Statement]:
    """``PhysicalSizeX`` and ``Y`` of one image; µm unless it names a unit."""
    for axis in "XY":
        says = image.pixels.get(f"PhysicalSize{axis}")
        if says is not None:
            unit = image.pixels.get(f"PhysicalSize{axis}Unit", "µm")
            um, number = um_per(unit), as_number(says)
            mpp = None if um is None or number is None else number * um
            yield Statement(f"ome.PhysicalSize{axis}", f"{says} {unit}", mpp, axis.lower(), note)


def _of_size(image: OmeImage) -> str:
    return "of an image of " + ("unknown size" if image.size is None else _size(image.size))


def _named(image: OmeImage) -> str:
    name = image.name or "without a name"
    return name if image.size is None else f"{name} ({_size(image.size)})"


def _size(size: tuple[int, int]) -> str:
    return f"{size[0]} × {size[1]} px"


def _ome_zarr_claims(properties: Mapping[str, str]) -> Iterator[Statement]:
    """OME-Zarr's scale of the finest level. Without a unit it is a ratio, not a resolution."""
    for name, axis in (("ome-zarr.scale-x", "x"), ("ome-zarr.scale-y", "y")):
        if name in properties:
            scale, _, unit = properties[name].partition(" ")
            um, number = um_per(unit), as_number(scale)
            found = None if um is None or number is None else number * um
            yield Statement(name, properties[name], found, axis)


def _tag_claims(properties: Mapping[str, str], text: str) -> Iterator[Statement]:
    """TIFF resolution tags. ImageJ counts in the unit of its description, whatever the tag says."""
    unit = properties.get("tiff.ResolutionUnit", "none")
    for name, axis in (("tiff.XResolution", "x"), ("tiff.YResolution", "y")):
        if name in properties:
            per = _imagej_unit(text, axis) or unit.lower()
            says = f"{properties[name]} px per {per}"
            yield Statement(name, says, resolution_from_tiff(properties[name], per), axis)


def _imagej_unit(text: str, axis: str) -> str | None:
    """The unit of length that ImageJ or Fiji states for an axis in its description."""
    if not text.startswith("ImageJ="):
        return None
    lines = dict(line.strip().split("=", 1) for line in text.splitlines() if "=" in line)
    unit = lines.get(f"{axis}unit") or lines.get("unit", "")
    return unit if um_per(unit) is not None else None


def _text_claims(properties: Mapping[str, str], text: str) -> Iterator[Statement]:
    """``MPP = 0.25`` in free text, unless there is an Aperio field for it."""
    found = re.search(r"\bMPP\s*=\s*([0-9.,eE+-]+)", text)
    if found and "aperio.MPP" not in properties:
        yield Statement("ImageDescription", found.group(0), as_number(found.group(1)), "xy")


def resolution_from_tiff(resolution: object, unit: object) -> float | None:
    """µm per pixel from a TIFF resolution (pixels per unit); None if the unit is not a length.

    unit: any name of a unit of length, or the tag's code. The result may still be nonsense;
    ``plausible_mpp`` checks that.

    >>> resolution_from_tiff(20000, "centimeter")
    0.5
    """
    name = re.sub(r"^resunit\.", "", str(unit).strip(), flags=re.IGNORECASE)
    um = um_per(_TIFF_UNIT_CODES.get(name, name))
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
