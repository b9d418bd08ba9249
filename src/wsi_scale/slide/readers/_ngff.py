"""Axes, levels and pixel size from the metadata of an OME-Zarr image. No file is read.

Source: OME-NGFF 0.4 and 0.5, sections "multiscales", "axes" and "coordinateTransformations"
(https://ngff.openmicroscopy.org). Versions 0.1 to 0.3 state less and are understood too.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

AXES = "tczyx"
"""Time, channel and the three of space. Images that do not name their axes have this order."""

_WITHOUT_AXES = ("0.1", "0.2")
"""Versions in which every image has five dimensions and the axes have no names."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", coerce_numbers_to_str=True)


class Axis(_Part):
    """One dimension of the arrays."""

    name: str
    unit: str | None = None


class Transformation(_Part):
    """One step from pixels to physical coordinates, with one number per axis."""

    type: str
    scale: tuple[float, ...] | None = None
    translation: tuple[float, ...] | None = None


class Dataset(_Part):
    """One level."""

    path: str
    """Path of the level's array within the group of the image."""
    transformations: tuple[Transformation, ...] = Field((), alias="coordinateTransformations")


class Multiscale(_Part):
    """One image at several resolutions."""

    version: str = "without a version"
    """Version of OME-Zarr, for messages."""
    axes: tuple[Axis, ...] | None = None
    datasets: tuple[Dataset, ...] = Field(min_length=1)
    transformations: tuple[Transformation, ...] = Field((), alias="coordinateTransformations")
    """Applied to every level, after the level's own."""

    @field_validator("axes", mode="before")
    @classmethod
    def _may_be_names_only(cls, axes: Any) -> Any:
        """Version 0.3 lists names, later versions list objects."""
        if not isinstance(axes, list):
            return axes
        return [{"name": axis} if isinstance(axis, str) else axis for axis in axes]

    @property
    def letters(self) -> str:
        """One letter of AXES per dimension, in the order of the arrays.

        Raises ValueError if axes have other names. Their meaning is not guessed.
        """
        if self.axes is None:
            if self.version in _WITHOUT_AXES:
                return AXES
            raise ValueError(
                f"its metadata (OME-Zarr {self.version}) name no axes; only versions 0.1 and "
                "0.2 may leave them out"
            )
        names = [axis.name.lower() for axis in self.axes]
        if not {"y", "x"} <= set(names) <= set(AXES) or len(set(names)) < len(names):
            raise ValueError(
                f"its axes are {', '.join(names) or 'none'}; it must have y and x, may have t, c "
                "and z, and no axis twice"
            )
        return "".join(names)

    def resolution(self) -> dict[str, str]:
        """``ome-zarr.scale-x`` and ``-y`` of the finest level, e.g. ``0.25 micrometer``, if stated.

        The scale of the level is multiplied by the scale that applies to all levels.
        """
        stated, steps = {}, (*self.datasets[0].transformations, *self.transformations)
        scales = [step.scale or () for step in steps if step.type == "scale"]
        for axis in "xy" if scales else "":
            place = self.letters.index(axis)
            unit = self.axes[place].unit if self.axes else None
            scale = _product(scales, place, len(self.letters))
            stated[f"ome-zarr.scale-{axis}"] = f"{scale} {unit or 'without a unit'}"
        return stated

    def shift(self, number: int, downsample: float) -> float:
        """Distance between the corners of a level and of level 0, in px of the level.

        The larger of x and y. It is below 0.5 if the file was written with pixel centres as
        positions, and 0 if nothing is stated.
        """
        first, level = self.datasets[0].transformations, self.datasets[number].transformations
        found = [0.0]
        for axis in "xy":
            place, dimensions = self.letters.index(axis), len(self.letters)
            pixel = math.prod(x[place] for x in _vectors(first, "scale", dimensions)) * downsample
            begins, origin = (
                sum(x[place] for x in _vectors(steps, "translation", dimensions))
                for steps in (level, first)
            )
            if pixel:
                found.append(abs((begins - origin) / pixel))
        return max(found)


def _vectors(
    steps: Sequence[Transformation], kind: Literal["scale", "translation"], dimensions: int
) -> list[tuple[float, ...]]:
    """The scales, or translations, among the steps that have one number per axis."""
    numbers = [getattr(step, kind) or () for step in steps if step.type == kind]
    return [vector for vector in numbers if len(vector) == dimensions]


def _product(scales: Sequence[tuple[float, ...]], place: int, dimensions: int) -> str:
    """Product of the scales along one axis, as text; words if a scale does not fit the axes."""
    for scale in scales:
        if len(scale) != dimensions:
            return f"{len(scale)} numbers for {dimensions} axes"
    return f"{math.prod(scale[place] for scale in scales):.15g}"


def ome_part(attributes: Mapping[str, Any]) -> Mapping[str, Any]:
    """The OME-Zarr metadata in a group's attributes: under ``ome`` since 0.5, before that all."""
    below = attributes.get("ome")
    return below if isinstance(below, dict) else attributes


def first_multiscale(ome: Mapping[str, Any]) -> Multiscale:
    """The first of an image's multiscales, which the specification makes the default.

    Raises ValueError, with a clause as its message, if the metadata are damaged.
    """
    listed = ome.get("multiscales")
    if not isinstance(listed, list) or not listed or not isinstance(listed[0], dict):
        raise ValueError("its multiscales metadata list no image; write them again")
    version = {"version": ome["version"]} if "version" in ome else {}
    try:
        return Multiscale.model_validate({**version, **listed[0]})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ValueError(
            f"its multiscales metadata are damaged at {where} ({first['msg']}); write them again"
        ) from None
