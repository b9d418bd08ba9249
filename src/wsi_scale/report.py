"""The report: what is written to JSON, and its published schema. Types only, no drawing."""

from __future__ import annotations

import json
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from wsi_scale.judgement.verdicts import Interval, Verdict

SCHEMA = "wsi-scale/report/1"

PixelStatus = Literal["agree", "conflict", "undecidable"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, allow_inf_nan=False)


class LevelPart(_Part):
    width: int
    height: int
    downsample: float


class AuditEntry(_Part):
    """One thing the file says about its resolution, and what was made of it."""

    source: str = Field(description="field of the file, e.g. aperio.MPP or tiff.XResolution")
    says: str = Field(description="the value as the file gives it")
    mpp: float | None = Field(None, description="the µm/px it amounts to, null if nonsense")
    status: Literal["used", "agrees", "conflicts", "nonsense", "information"]
    note: str = ""


class SlidePart(_Part):
    path: str
    reader: str
    mpp: tuple[float, float] | None
    mpp_source: str | None
    objective_power: float | None = None
    levels: list[LevelPart]
    audit: list[AuditEntry] = []


class NetworkPart(_Part):
    spec: str
    name: str
    training_mpp: float | None
    training_scale: float | None
    input_size: int
    sha256: str | None = Field(description="of the weights file; null where there is none")


class Candidate(_Part):
    """One of several peaks of an ambiguous answer."""

    scale: float
    score: float


class NearestLevel(_Part):
    level: int
    downsample: float
    residual: float = Field(description="scale / downsample: what is left to resize by")


class Ruler(_Part):
    """Pixel sizes that follow when the other side's is known."""

    slide_mpp: float | None = None
    slide_mpp_interval: Interval | None = None
    network_mpp: float | None = None
    network_mpp_interval: Interval | None = None


class PixelField(_Part):
    """One stated µm/px, held against the pixels; also where another is in use."""

    source: str
    mpp: float
    octaves: float = Field(description="log2(stated / seen)")
    status: PixelStatus


class PixelAudit(_Part):
    """The stated µm/px held against the pixels, as a network of known training µm/px sees them."""

    status: PixelStatus
    claimed_mpp: float | None = Field(description="µm/px in use; it stays so whatever the pixels")
    claimed_source: str | None = Field(description="the field it comes from, or given")
    slide_mpp: float | None = Field(description="what the pixels look like; that of the ruler")
    slide_mpp_interval: Interval | None
    octaves: float | None = Field(description="log2(claimed / seen)")
    fields: list[PixelField] = Field([], description="every statement that amounts to µm/px")
    reason: str


class AsIs(_Part):
    """What reading a native level without resizing would change."""

    level: int
    downsample: float
    agreement: float | None = Field(
        description="with the predictions at the answer's scale, 0 to 1; null if nothing was found"
    )
    kind: Literal["dice", "same class"] = Field(
        description="dice: overlap of a segmenter's masks, background apart, on the same field; "
        "same class: share of patches of equal centre that a classifier names alike"
    )
    work: float = Field(description="(scale / downsample)²: px to process beside those at scale")
    sites: int = Field(description="places where it was tried")


class ClassPart(_Part):
    name: str
    scale: float | None
    scale_interval: Interval | None


class SitePart(_Part):
    x: float = Field(description="level-0 px")
    y: float = Field(description="level-0 px")
    scale: float | None = Field(description="the site's own answer, null if it has none")


class CurvePart(_Part):
    """Score against scale, higher is better; null where nothing could be measured."""

    scales: list[float]
    score: list[float | None]
    low: list[float | None]
    high: list[float | None]


class Provenance(_Part):
    """How the numbers came about; the only part that may differ between identical runs."""

    version: str
    seed: int
    resampling: str
    torch: str | None
    seconds: float
    patches: int
    settings: dict[str, Any] = {}


class Report(_Part):
    """The answer for one slide and one network."""

    schema_: str = Field(SCHEMA, alias="schema", serialization_alias="schema")
    slide: SlidePart
    network: NetworkPart
    estimator: str
    scale: float | None = Field(description="level-0 px per network px")
    interval_level: float
    scale_interval: Interval | None
    tolerance: Interval | None
    mpp: float | None = Field(description="µm per network px at the scale; null without slide mpp")
    mpp_interval: Interval | None
    like_power: tuple[float, float] | None = Field(
        None,
        description="weakest and strongest nominal objective whose pixels may be that large; "
        "for people to read, µm/px never comes of it",
    )
    verdict: Verdict
    reason: str
    warnings: list[str]
    candidates: list[Candidate]
    voices: dict[str, float | None]
    nearest_level: NearestLevel | None
    as_is: list[AsIs] = Field(
        [], description="nearby native levels, read as they are; only of finished runs that are ok"
    )
    ruler: Ruler
    pixels: PixelAudit | None = Field(
        None, description="null where the network's training µm/px is not known"
    )
    classes: list[ClassPart]
    sites: list[SitePart]
    curve: CurvePart
    partial: bool = Field(False, description="true when the run was cancelled before its end")
    stopped_early: bool = Field(
        False,
        description="true when the interval was as narrow as asked before all sites were looked at",
    )
    provenance: Provenance

    model_config = ConfigDict(frozen=True, allow_inf_nan=False, populate_by_name=True)

    def to_json(self) -> str:
        """The report as indented JSON text, ending in a newline."""
        return self.model_dump_json(by_alias=True, indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes) -> Report:
        """Read a report back; unknown fields of later versions are ignored."""
        return cls.model_validate_json(text)


def json_schema() -> dict[str, Any]:
    """The schema of ``Report`` as published in docs/report.schema.json."""
    schema = Report.model_json_schema(by_alias=True, mode="serialization")
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["$id"] = SCHEMA
    return schema


if __name__ == "__main__":
    print(json.dumps(json_schema(), indent=1))
