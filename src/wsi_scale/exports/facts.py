"""What a report lets an export say about one slide, and what it does not."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath, PureWindowsPath

from wsi_scale.networks.absent import USUAL_PX
from wsi_scale.report import Report
from wsi_scale.slide.resolution import mean_mpp

WINDOWS = re.compile(r"[A-Za-z]:[\\/]|\\\\")
"""How an absolute path of Windows begins; elsewhere a backslash is part of a name."""


@dataclass(frozen=True)
class Facts:
    """One slide of an export. Values are None where the report does not know them."""

    path: str
    verdict: str
    reason: str
    scale: float | None
    """Level-0 px per network px; the downsample of other tools."""
    tile_px: int
    """Side of the network's input in px."""
    slide_mpp: tuple[float, float] | None
    """µm per level-0 px (x, y): stated by the slide, else read from its tissue."""
    mpp_from: str | None
    """Who says so: the field that states it, or ``read from the tissue``."""
    levels: tuple[float, ...]
    """Exact downsample of every native level."""
    level: int
    """Native level to read for the scale; 0 without a scale."""
    origin: tuple[float, float] | None
    """Where the slide's bounds begin, level-0 px; None if the report does not say."""
    sites: tuple[tuple[float, float], ...]
    """Centres, level-0 px."""
    spec: str
    network: str
    network_mpp: float | None
    """µm/px at which the network was trained."""
    notes: tuple[str, ...] = ()
    """What a reader of the file must know."""

    @property
    def name(self) -> str:
        r"""The file's name.

        >>> ready(path="slides/a.svs").name, ready(path=r"C:\slides\a.svs").name
        ('a.svs', 'a.svs')
        """
        return (PureWindowsPath if WINDOWS.match(self.path) else PurePosixPath)(self.path).name

    @property
    def needed_scale(self) -> float:
        """The scale, which ``check`` has asked for."""
        assert self.scale is not None
        return self.scale

    @property
    def needed_mpp(self) -> float:
        """µm per level-0 px, which ``check`` has asked for; the mean of x and y."""
        assert self.slide_mpp is not None
        return mean_mpp(self.slide_mpp)

    @property
    def target_mpp(self) -> float:
        """µm per network px: the scale × the slide's µm/px.

        >>> ready(scale=2.0, slide_mpp=(0.25, 0.25)).target_mpp
        0.5
        """
        return self.needed_scale * self.needed_mpp

    @property
    def field_px(self) -> int:
        """Side of one patch in level-0 px.

        >>> ready(scale=1.7, tile_px=100).field_px
        170
        """
        return round(self.tile_px * self.needed_scale)

    @property
    def residual(self) -> float:
        """What is left to shrink after reading ``level``.

        >>> ready(scale=5.0, levels=(1.0, 4.0), level=1).residual
        1.25
        """
        return self.needed_scale / self.levels[self.level]


def facts_of(report: Report) -> Facts:
    """What a report says, ready for an export."""
    mpp, source, doubts = _pixel_size(report)
    bounds = getattr(report.slide, "bounds", None)
    nearest = report.nearest_level
    return Facts(
        path=report.slide.path,
        verdict=report.verdict,
        reason=report.reason,
        scale=report.scale,
        tile_px=report.network.input_size or USUAL_PX,
        slide_mpp=mpp,
        mpp_from=source,
        levels=tuple(level.downsample for level in report.slide.levels),
        level=0 if nearest is None else nearest.level,
        origin=None if bounds is None else (bounds[0], bounds[1]),
        sites=tuple((site.x, site.y) for site in report.sites),
        spec=report.network.spec,
        network=report.network.name,
        network_mpp=report.network.training_mpp,
        notes=(*_doubts(report), *doubts),
    )


def _pixel_size(
    report: Report,
) -> tuple[tuple[float, float] | None, str | None, Sequence[str]]:
    """µm/px (x, y), who says so, and what to know about it."""
    if report.slide.mpp is not None:
        doubts = []
        if report.pixels is not None and report.pixels.status == "conflict":
            doubts = [f"stated pixel size disputed: {report.pixels.reason}"]
        return report.slide.mpp, report.slide.mpp_source or "stated", doubts
    read = report.ruler.slide_mpp
    if read is None:
        return None, None, []
    who = "read from the tissue" if report.ruler.slide_mpp_from == "ruler" else "from the network"
    low, high = report.ruler.slide_mpp_interval or (read, read)
    why = f": {report.ruler.reason}" if report.ruler.reason else ""
    verdict = report.ruler.verdict or report.verdict
    note = f"µm/px {who}, not stated by the file: {read:.3g} ({low:.3g}–{high:.3g}), {verdict}{why}"
    return (read, read), who, [note]


def _doubts(report: Report) -> list[str]:
    found = []
    if report.verdict != "ok":
        found.append(f"NOT OK, verdict {report.verdict}: {report.reason}")
    if report.partial:
        found.append("the run was cancelled before its end")
    if not report.network.input_size:
        found.append(
            f"the network's patch size is not known: {USUAL_PX} px stand here, replace them by it"
        )
    if report.scale is not None and report.scale < 1:
        found.append(f"scale {report.scale:.3g} is below 1: enlarging adds no detail")
    return found


def ready(
    path: str = "slide.svs",
    scale: float | None = 1.0,
    slide_mpp: tuple[float, float] | None = None,
    tile_px: int = 224,
    levels: tuple[float, ...] = (1.0,),
    level: int = 0,
) -> Facts:
    """Facts made by hand, for examples and tests.

    >>> ready().verdict
    'ok'
    """
    return Facts(
        path=path,
        verdict="ok",
        reason="",
        scale=scale,
        tile_px=tile_px,
        slide_mpp=slide_mpp,
        mpp_from=None if slide_mpp is None else "stated",
        levels=levels,
        level=level,
        origin=None,
        sites=(),
        spec="figures",
        network="figures",
        network_mpp=None,
    )


def common_folder(paths: Sequence[str]) -> str:
    """The folder below which all paths lie.

    >>> common_folder(["s/a/1.svs", "s/b/2.svs"]), common_folder(["1.svs"])
    ('s', '.')
    """
    folders = [os.path.dirname(path) for path in paths]
    if len({os.path.isabs(path) for path in paths}) > 1:
        folders = [os.path.abspath(folder) for folder in folders]
    return os.path.commonpath(folders) or "." if all(folders) else "."
