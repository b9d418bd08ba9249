"""The part of a row that a summary needs, so that many fit into memory."""

from __future__ import annotations

from dataclasses import dataclass

from wsi_scale.batch.row import Row
from wsi_scale.slide.resolution import mean_mpp

_FROM = "ruler.slide_mpp_from"


@dataclass(frozen=True)
class Brief:
    """The part of a row that a summary needs."""

    path: str
    cohort: str
    scanner: str
    error: str | None = None
    error_kind: str | None = None
    verdict: str | None = None
    scale: float | None = None
    mpp: float | None = None
    """µm per network pixel at that scale."""
    interval: tuple[float, float] | None = None
    """Interval of mpp if there is one, else of scale."""
    conflict: float | None = None
    """Octaves between stated and estimated µm/px if that is a conflict, else None."""
    peak_mib: float | None = None
    reason: str | None = None
    stated_mpp: float | None = None
    """µm per level-0 px in use: stated by the file or given."""
    ruler_mpp: float | None = None
    """µm per level-0 px that the tissue suggests."""

    @property
    def value(self) -> float | None:
        """What slides of a cohort should share: mpp if there is one, else scale."""
        return self.scale if self.mpp is None else self.mpp

    @property
    def unit(self) -> str:
        return "scale" if self.mpp is None else "µm/px"


def brief_of(row: Row) -> Brief:
    """A row without sites, curves and levels, so that many fit into memory."""
    interval = row["scale_interval"] if row["mpp"] is None else row["mpp_interval"]
    stated = row.get("slide.mpp")
    return Brief(
        path=row["path"],
        cohort=row["cohort"],
        scanner=row["scanner"] or "unknown",
        error=row["error"],
        error_kind=row["error_kind"],
        verdict=row["verdict"],
        scale=row["scale"],
        mpp=row["mpp"],
        interval=None if interval is None else (interval[0], interval[1]),
        conflict=row.get("pixels.octaves") if row.get("pixels.status") == "conflict" else None,
        peak_mib=row.get("process.peak_mib"),
        reason=row.get("reason"),
        stated_mpp=None if stated is None else mean_mpp((stated[0], stated[1])),
        ruler_mpp=row.get("ruler.slide_mpp") if row.get(_FROM) == "ruler" else None,
    )
