"""The report as it is written to JSON, and its published schema. Types only."""

from __future__ import annotations

import json
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat

from wsi_scale.judgement.verdicts import Interval, Verdict
from wsi_scale.plumbing.notebooks import ShownInNotebooks

SCHEMA = "wsi-scale/report/1"

PixelStatus = Literal["agree", "conflict", "undecidable"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, allow_inf_nan=False)


class LevelPart(_Part):
    """One native level of the slide; sizes in its own pixels."""

    width: int
    height: int
    downsample: PositiveFloat


class AuditEntry(_Part):
    """One statement of the file about its pixel size, and how it was used."""

    source: str = Field(description="field of the file, e.g. aperio.MPP or tiff.XResolution")
    says: str = Field(description="the value as written in the file")
    mpp: float | None = Field(None, description="the value in µm/px; null if it makes no sense")
    status: Literal["used", "agrees", "conflicts", "nonsense", "information"]
    note: str = ""


class SlidePart(_Part):
    """The slide, its levels and what its file states about its pixel size."""

    path: str
    reader: str
    mpp: tuple[PositiveFloat, PositiveFloat] | None
    mpp_source: str | None
    objective_power: float | None = None
    levels: list[LevelPart]
    bounds: tuple[float, float, float, float] | None = None
    """x, y, width, height of the part with pixels, level-0 px. QuPath counts from x, y."""
    audit: list[AuditEntry] = []


class NetworkPart(_Part):
    """The network that was asked."""

    spec: str
    name: str
    training_mpp: PositiveFloat | None
    training_scale: PositiveFloat | None
    input_size: int
    sha256: str | None = Field(description="SHA-256 of the weights file; null without one")


class Candidate(_Part):
    """One of several peaks of an ambiguous answer."""

    scale: PositiveFloat
    score: float


class NearestLevel(_Part):
    """The native level to read for the answer, and what is left to resize."""

    level: int
    downsample: PositiveFloat
    residual: PositiveFloat = Field(description="scale / downsample: what is left to resize")


class PixelSize(_Part):
    """The size of the slide's level-0 pixels, read from its tissue by the ruler."""

    mpp: float | None = None
    interval: Interval | None = None
    interval_level: float = 0.9
    surely: Interval | None = Field(None, description="98 % interval; outside it is a conflict")
    verdict: Verdict
    reason: str
    patches: int = 0


class Ruler(_Part):
    """Pixel sizes, in µm/px: the slide's, as the ruler reads it or else as the network's training
    µm/px / scale; and the network's, as scale × the slide's stated µm/px."""

    slide_mpp: float | None = None
    slide_mpp_interval: Interval | None = None
    slide_mpp_from: Literal["ruler", "network"] | None = None
    verdict: Verdict | None = Field(None, description="on slide_mpp; null without one")
    reason: str = ""
    network_mpp: float | None = None
    network_mpp_interval: Interval | None = None


class PixelField(_Part):
    """One stated µm/px compared with the pixels, even if another value is in use."""

    source: str
    mpp: float
    octaves: float = Field(description="log2(stated / estimated from the pixels)")
    status: PixelStatus


class PixelAudit(_Part):
    """The stated µm/px compared with what the tissue shows."""

    status: PixelStatus
    claimed_mpp: float | None = Field(description="µm/px in use; the comparison never changes it")
    claimed_source: str | None = Field(description="the field that states it, or given")
    slide_mpp: float | None = Field(
        description="estimated from the pixels, in µm/px; equal to that of the ruler"
    )
    slide_mpp_interval: Interval | None
    octaves: float | None = Field(description="log2(claimed / estimated from the pixels)")
    fields: list[PixelField] = Field([], description="every statement that gives a µm/px")
    reason: str


class AsIs(_Part):
    """What reading one native level without resizing would change."""

    level: int
    downsample: PositiveFloat
    agreement: float | None = Field(
        description="agreement with the predictions at the answer's scale, 0 to 1; null if nothing "
        "was found"
    )
    kind: Literal["dice", "same class"] = Field(
        description="dice: overlap of a segmenter's masks, without background, on the same field; "
        "same class: share of patches, cut around the same centre, to which a classifier gives the "
        "same class"
    )
    work: float = Field(
        description="(scale / downsample)²: px to process, divided by those at the answer's scale"
    )
    sites: int = Field(description="number of sites compared")


class ClassPart(_Part):
    """The answer from the sites of one target class."""

    name: str
    scale: PositiveFloat | None
    scale_interval: Interval | None


class SitePart(_Part):
    """One site and its own answer."""

    x: float = Field(description="level-0 px")
    y: float = Field(description="level-0 px")
    scale: PositiveFloat | None = Field(description="the site's own scale; null if it has none")


class CurvePart(_Part):
    """Score at each scale, higher is better; null where nothing could be measured."""

    scales: list[PositiveFloat]
    score: list[float | None]
    low: list[float | None]
    high: list[float | None]


class Provenance(_Part):
    """How the numbers were made; the only part that may differ between identical runs."""

    version: str
    seed: int
    resampling: str
    torch: str | None
    seconds: float
    patches: int
    settings: dict[str, Any] = {}


class Report(ShownInNotebooks, _Part):
    """The answer for one slide and one network."""

    schema_: str = Field(SCHEMA, alias="schema", serialization_alias="schema")
    slide: SlidePart
    network: NetworkPart
    estimator: str
    scale: PositiveFloat | None = Field(
        description="level-0 px per network px, along one side; larger is coarser; null if unknown"
    )
    interval_level: float
    scale_interval: Interval | None
    tolerance: Interval | None
    mpp: PositiveFloat | None = Field(
        description="µm per network px at the scale; null if the slide's is unknown"
    )
    mpp_interval: Interval | None
    like_power: tuple[float, float] | None = Field(
        None,
        description="weakest and strongest nominal objective whose pixels are usually that large; "
        "for display only; never used to derive µm/px",
    )
    verdict: Verdict
    reason: str
    warnings: list[str]
    candidates: list[Candidate]
    voices: dict[str, float | None]
    nearest_level: NearestLevel | None
    as_is: list[AsIs] = Field(
        [], description="nearby native levels read without resizing; only if a finished run is ok"
    )
    ruler: Ruler
    pixels: PixelAudit | None = Field(
        None, description="null if the ruler was not asked and the network's µm/px is unknown"
    )
    classes: list[ClassPart]
    sites: list[SitePart]
    curve: CurvePart
    partial: bool = Field(False, description="true if the run was cancelled before its end")
    stopped_early: bool = Field(
        False,
        description="true if not all sites were visited, because more were not needed",
    )
    provenance: Provenance

    model_config = ConfigDict(frozen=True, allow_inf_nan=False, populate_by_name=True)

    def to_json(self) -> str:
        """The report as JSON text.

        Returns
        -------
        str
            Indented, ending in a newline; its keys are those of docs/report.schema.json.

        Examples
        --------
        >>> import numpy as np
        >>> from wsi_scale import estimate_slide
        >>> report = estimate_slide(np.full((300, 400, 3), 255, np.uint8), "figures")
        >>> json.loads(report.to_json())["verdict"]
        'blank'
        """
        return self.model_dump_json(by_alias=True, indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes) -> Report:
        """The report that JSON text holds. Unknown fields, from later versions, are ignored.

        Parameters
        ----------
        text : str or bytes
            JSON text from ``to_json``.

        Returns
        -------
        Report
            Equal to the one that was written.

        Raises
        ------
        pydantic.ValidationError
            When the text is not a report.

        Examples
        --------
        >>> import numpy as np
        >>> from wsi_scale import estimate_slide
        >>> report = estimate_slide(np.full((300, 400, 3), 255, np.uint8), "figures")
        >>> Report.from_json(report.to_json()) == report
        True
        """
        return cls.model_validate_json(text)


def json_schema() -> dict[str, Any]:
    """JSON schema of ``Report``, as published in docs/report.schema.json.

    Returns
    -------
    dict
        A schema of JSON Schema draft 2020-12.

    Examples
    --------
    >>> json_schema()["$id"]
    'wsi-scale/report/1'
    """
    schema = Report.model_json_schema(by_alias=True, mode="serialization")
    return schema | {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": SCHEMA}


if __name__ == "__main__":
    print(json.dumps(json_schema(), indent=1))
