"""The answer tile by tile: what the sites of each part of a slide say, and how sure they are."""

from __future__ import annotations

from dataclasses import dataclass

from wsi_scale.geometry import Box
from wsi_scale.judgement.verdicts import Interval, Verdict


@dataclass(frozen=True)
class MapTile:
    """The answer of one part of a slide, from its own sites alone.

    Examples
    --------
    >>> tile = MapTile(Box(0, 0, 900, 900), 2.0, (1.8, 2.2), "ok", "one clear best scale", 16)
    >>> tile.scale, tile.sites
    (2.0, 16)
    """

    box: Box
    """Level-0 px."""
    scale: float | None
    """Level-0 px per network px; None where the tile's own sites give no number."""
    interval: Interval | None
    """Where the tile's scale lies, at the map's level."""
    verdict: Verdict
    reason: str
    sites: int
    """How many sites were pooled; all lie in the tile."""


@dataclass(frozen=True)
class ScaleMap:
    """The tiles that hold tissue. They share edges, and none overlaps another.

    Examples
    --------
    >>> tile = MapTile(Box(0, 0, 900, 900), None, None, "blank", "nothing to look at", 0)
    >>> ScaleMap("a.svs", "figures", Box(0, 0, 900, 900), (tile,), 1, 0.9).numbered
    ()
    """

    slide: str
    """Path of the slide."""
    network: str
    bounds: Box
    """Where the slide has pixels, level-0 px; QuPath counts from its corner."""
    tiles: tuple[MapTile, ...]
    planned: int
    """How many tiles there will be; a map that was stopped has fewer."""
    interval_level: float

    @property
    def numbered(self) -> tuple[MapTile, ...]:
        """The tiles with a number of their own."""
        return tuple(tile for tile in self.tiles if tile.scale is not None)

    @property
    def partial(self) -> bool:
        """Whether tiles are missing because the map was stopped."""
        return len(self.tiles) < self.planned
