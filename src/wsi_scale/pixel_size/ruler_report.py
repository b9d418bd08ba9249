"""The ruler as users ask it: a slide in, µm/px and the check of the metadata out."""

from __future__ import annotations

import os
import time
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from wsi_scale.errors import SettingsError
from wsi_scale.pixel_size.audit import audit_slide
from wsi_scale.pixel_size.read_tissue import measure_pixel_size
from wsi_scale.plumbing.version import __version__
from wsi_scale.report import PixelAudit, PixelSize
from wsi_scale.sites.region_frame import Origin, region_on
from wsi_scale.slide.base import Slide
from wsi_scale.slide.readers import open_slide

SCHEMA = "wsi-scale/ruler/1"


class RulerReport(BaseModel):
    """The size of a slide's pixels, and how it compares with what the file states."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    schema_: str = Field(SCHEMA, alias="schema", serialization_alias="schema")
    slide: str
    size: PixelSize
    pixels: PixelAudit
    version: str = Field(default_factory=lambda: __version__)
    notes: list[str] = Field([], description="how the file and the region were understood")
    seed: int = 0
    seconds: float

    @classmethod
    def json_schema(cls) -> dict[str, Any]:
        """JSON schema of the report, as published in docs/ruler.schema.json.

        Returns
        -------
        dict
            A schema of JSON Schema draft 2020-12.

        Examples
        --------
        >>> RulerReport.json_schema()["$id"]
        'wsi-scale/ruler/1'
        """
        schema = cls.model_json_schema(by_alias=True, mode="serialization")
        return schema | {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$id": SCHEMA,
        }

    def to_json(self) -> str:
        """The report as JSON text, indented, ending in a newline.

        Examples
        --------
        >>> import json
        >>> import numpy as np
        >>> from wsi_scale import ruler
        >>> report = ruler(np.full((300, 400, 3), 255, np.uint8))
        >>> json.loads(report.to_json())["size"]["verdict"]
        'blank'
        """
        return self.model_dump_json(by_alias=True, indent=1) + "\n"


def ruler(
    slide: str | os.PathLike[str] | Slide | Any,
    *,
    region: str | None = None,
    region_origin: Origin = "auto",
    region_class: str | None = None,
    reader: str | None = None,
    mpp: float | tuple[float, float] | None = None,
    seed: int = 0,
    device: str = "auto",
) -> RulerReport:
    """Read the size of a slide's pixels from its tissue, and compare the metadata with it.

    It is asked of the tissue alone, with networks of its own: neither the metadata nor the network
    that you use change the answer. It knows H&E.

    Parameters
    ----------
    slide : path, Slide or array
        A path, an open Slide, an array (H, W, 3) uint8, or a list of arrays, finest first.
    region : str, optional
        GeoJSON file or ``x,y,w,h`` in level-0 px, in which the places lie that are looked at (the
        patches around them may reach beyond); default: all tissue.
    region_origin : str
        From where the region counts: ``bounds``, as in QuPath, ``level0``, or ``auto``, which finds
        out where it can and notes it.
    region_class : str, optional
        Only areas of this class of QuPath; default: all but ``Ignore*``.
    reader : str, optional
        Name of the reader to open a path with; default: chosen by the file.
    mpp : float or (float, float), optional
        µm per level-0 px to check, in place of what the file states. Not for an open slide.
    seed : int
        Seed of the choice of places.
    device : str
        ``auto``, ``cpu``, ``cuda`` or ``mps``.

    Returns
    -------
    RulerReport
        ``size`` holds µm/px, interval and verdict; ``pixels`` the comparison with the metadata.

    Raises
    ------
    WsiScaleError
        When the slide, region or device cannot be used; the message is one sentence.

    Examples
    --------
    >>> import numpy as np
    >>> from wsi_scale import ruler
    >>> report = ruler(np.full((300, 400, 3), 255, np.uint8))
    >>> report.size.verdict, report.size.mpp
    ('blank', None)
    """
    started = time.monotonic()
    with _open(slide, reader, mpp) as opened:
        where = None
        if region is not None:
            where = region_on(opened, region, region_origin, region_class)
        size = measure_pixel_size(opened, region=where, seed=seed, device=device)
        return RulerReport(
            slide=opened.path,
            size=size,
            pixels=audit_slide(opened, size),
            notes=[*opened.notes, *(() if where is None else where.notes)],
            seed=seed,
            seconds=round(time.monotonic() - started, 3),
        )


def _open(
    slide: Any, reader: str | None, mpp: float | tuple[float, float] | None
) -> AbstractContextManager[Slide]:
    """The slide, closed after use if it was opened here."""
    if isinstance(slide, Slide):
        if reader is not None or mpp is not None:
            raise SettingsError(
                f"{slide.path} is already open; pass reader and mpp to open_slide, not to ruler"
            )
        return nullcontext(slide)
    return open_slide(slide, reader=reader, mpp=mpp)
