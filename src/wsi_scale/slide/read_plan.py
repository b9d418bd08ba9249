"""Which native reads serve a scale pyramid: pure arithmetic, no file is touched.

The frames are drawn in ``wsi_scale.geometry``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from wsi_scale.errors import SettingsError
from wsi_scale.geometry import Box, Level, ScaleGrid, Site, pick_level, reach

FILTER_SUPPORT = 2.0
"""Half-width of the cubic resampling filter, in pixels of the coarser of the two grids."""

MAX_READ_SIDE = 4096
"""Wider reads are taken in bands and averaged while reading, so that memory is bounded."""


@dataclass(frozen=True)
class Shrinking:
    """Sizes at which a slide can decode its levels, cheaper than whole.

    A px of a smaller size lies where the first px of its square lies, not in the square's middle.
    """

    factors: tuple[int, ...] = ()
    """Sides of the squares of level px that may become one px, powers of two."""
    least: float = math.inf
    """Px, at the smaller size, that must be left for each network px."""

    def factor(self, ratio: float) -> int:
        """The factor for ``ratio`` level px per network px; 1 means as stored.

        >>> [Shrinking((2, 4), least=2.0).factor(ratio) for ratio in (3.9, 4.0, 100.0)]
        [1, 2, 4]
        """
        return max((one for one in self.factors if ratio / one >= self.least), default=1)


AS_STORED = Shrinking()


@dataclass(frozen=True)
class Window:
    """One patch: the exact sub-pixel rectangle that becomes size × size network pixels."""

    index: int
    """Position of the window's scale in the grid."""
    scale: float
    """Level-0 px per network px."""
    left: float
    """Left edge in px of the array that the read returns, shrunk and reduced; may be fractional."""
    top: float
    """Top edge, same frame."""
    side: float
    """Side, same frame. Above ``size`` the patch is shrunk, below ``size`` it is enlarged."""
    upsampled: bool
    """True below scale 1: the network sees pixels that the slide does not have."""


@dataclass(frozen=True)
class LevelRead:
    """One native read and the patches it serves."""

    level: int
    x: int
    """Left edge in px of that level."""
    y: int
    """Top edge in px of that level."""
    width: int
    """Width in px of that level, before reduction."""
    height: int
    """Height in px of that level, before reduction."""
    reduce: int
    """Side of the squares of px that are averaged into one once decoded; 1 means none."""
    windows: tuple[Window, ...]
    """The patches to cut from what is read, finest scale first."""
    shrink: int = 1
    """Side of the squares of level px that are decoded as one px; 1 means as stored."""


@dataclass(frozen=True)
class ReadPlan:
    """Everything one scale pyramid needs from the slide."""

    site: Site
    """Centre of every patch, level-0 px."""
    grid: ScaleGrid
    """The scales of the pyramid."""
    size: int
    """Side of a patch in network px."""
    reads: tuple[LevelRead, ...]
    """From the finest level to the coarsest."""
    outside: tuple[int, ...] = field(default=())
    """Grid positions of patches that would leave the slide: not read, never padded."""


def reduction(window_px: float, ratio: float) -> int:
    """Power of two by which to average while reading; at least 2 px are left per network px.

    window_px: side of a patch in px of its level. ratio: level px per network px.

    >>> reduction(2048, 8.0), reduction(16384, 64.0)
    (1, 4)
    """
    return averaged_px(ratio, 2, lambda factor: window_px / factor <= MAX_READ_SIDE)


def averaged_px(ratio: float, least: float, is_small: Callable[[int], bool]) -> int:
    """How many px, along a side, to average into one while reading: a power of two.

    The smallest for which the result ``is_small``, as long as at least ``least`` averaged px remain
    for each of the ``ratio`` px that become one in the end.

    >>> averaged_px(64, 2, lambda factor: 16384 / factor <= 4096)
    4
    """
    factor = 1
    while not is_small(factor) and ratio / (2 * factor) >= least:
        factor *= 2
    return factor


def plan_reads(
    levels: Sequence[Level],
    site: Site,
    grid: ScaleGrid,
    size: int,
    *,
    bounds: Box | None = None,
    colour_px: int = 1,
    shrinking: Shrinking = AS_STORED,
) -> ReadPlan:
    """Reads and windows of one scale pyramid: one native read for each level that is used.

    A level gets a second read only if it can be decoded at a smaller size for the wider patches, or
    if a patch is wider than ``MAX_READ_SIDE``, which is averaged in bands.

    Parameters
    ----------
    levels : sequence of Level
        Native levels of the slide, level 0 first.
    site : Site
        Centre of all patches, level-0 px. It is never rounded.
    grid : ScaleGrid
        Scales of the patches.
    size : int
        Side of a patch, network px.
    bounds : Box, optional
        Where pixels exist, level-0 px. Default: the whole canvas.
    colour_px : int
        ``Slide.colour_px``. If 2, a level is read only where it has two px for each network px, so
        that the network is shown no blurred colours where a finer level has sharp ones.
    shrinking : Shrinking
        ``Slide.shrinking``: the smaller sizes at which levels can be decoded.

    Returns
    -------
    ReadPlan
        The windows of all its reads, one read after the other, go from the finest scale to the
        coarsest. Patches that would leave the bounds are listed in ``outside`` and not read.

    Raises
    ------
    SettingsError
        When ``size`` is below 1.

    Examples
    --------
    >>> levels = [Level(4000, 3000, 1.0), Level(1000, 750, 4.0)]
    >>> plan = plan_reads(levels, Site(2000, 1500), ScaleGrid((1.0, 2.0, 8.0, 64.0)), 100)
    >>> [(read.level, [window.scale for window in read.windows]) for read in plan.reads]
    [(0, [1.0, 2.0]), (1, [8.0])]
    >>> plan.outside
    (3,)
    """
    if size < 1:
        raise SettingsError(f"the side of a patch must be at least 1 px, got {size}")
    canvas = Box(0, 0, levels[0].width, levels[0].height) if bounds is None else bounds
    limit = reach(canvas, site, size)
    groups: dict[_Way, list[int]] = {}
    outside = []
    for index, scale in enumerate(grid.scales):
        if scale > limit:
            outside.append(index)
            continue
        groups.setdefault(_way(levels, scale, size, colour_px, shrinking), []).append(index)
    reads = tuple(
        _plan_one(levels[way.level], way, site, [(i, grid.scales[i]) for i in members], size)
        for way, members in groups.items()  # coarser scales came later
    )
    return ReadPlan(site, grid, size, reads, tuple(outside))


class _Way(NamedTuple):
    """How a patch is read."""

    level: int
    shrink: int
    reduce: int


def _way(
    levels: Sequence[Level], scale: float, size: int, colour_px: int, shrinking: Shrinking
) -> _Way:
    level = pick_level(levels, scale / colour_px)
    ratio = scale / levels[level].downsample
    shrink = shrinking.factor(ratio)
    reduce = reduction(size * ratio / shrink, ratio / shrink)
    return _Way(level, shrink, reduce)


def _plan_one(
    level: Level,
    way: _Way,
    site: Site,
    members: Sequence[tuple[int, float]],
    size: int,
) -> LevelRead:
    """A read of the widest patch plus the filter's margin, with every patch placed in it."""
    centre_x, centre_y = site.x / level.downsample, site.y / level.downsample
    widest = max(scale for _, scale in members) / level.downsample
    unit = way.shrink * way.reduce
    half = size * widest / 2 + FILTER_SUPPORT * max(1.0, widest) + unit
    x, width = _span(centre_x, half, level.width, unit, way.shrink)
    y, height = _span(centre_y, half, level.height, unit, way.shrink)
    late = (0.5 - 0.5 / way.shrink) / way.reduce  # what is shown lies before its square's middle
    windows = []
    for index, scale in members:
        side = size * scale / level.downsample
        left, top = (centre_x - side / 2 - x) / unit, (centre_y - side / 2 - y) / unit
        # a level whose ratio is not whole may end a fraction of a pixel before level 0 does
        side = min(side / unit, width / unit, height / unit)
        left = min(max(left + late, 0.0), width / unit - side)
        top = min(max(top + late, 0.0), height / unit - side)
        windows.append(Window(index, scale, left, top, side, upsampled=scale < 1 - 1e-9))
    return LevelRead(way.level, x, y, width, height, way.reduce, tuple(windows), way.shrink)


def _span(centre: float, half: float, extent: int, multiple: int, align: int) -> tuple[int, int]:
    """First px and length of a read within the level.

    The length is a multiple of ``multiple``, the first px one of ``align``. If there is room the
    length is even, because an even length is halved without a copy.
    """
    first = max(0, math.floor(centre - half)) // align * align
    last = math.ceil(centre + half)
    length = max(1, min(extent, last + (last - first) % 2) - first)
    if multiple > 1:
        length = max(multiple, length // multiple * multiple)
    return first, length
