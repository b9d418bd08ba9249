"""Where patches lie and which native reads serve them: pure arithmetic, no file is touched.

Frames: "level-0 px" are pixels of the slide's finest level over the whole canvas; "level px" are
pixels of one native level, related by ``level_px = level0_px / level.downsample``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from wsi_scale.errors import SettingsError

COARSER_TOLERANCE = 1.02
"""A level may be this much coarser than the asked scale: 4.0042 still serves 4.0."""

FILTER_SUPPORT = 2.0
"""Half-width of the cubic resampling filter, in pixels of the coarser of the two grids."""

MAX_READ_SIDE = 4096
"""Reads wider than this are taken in bands and box-averaged on the way, so memory is bounded."""

_EDGE_SLACK = 1e-6  # level-0 px; absorbs float rounding of a window that ends exactly at the edge


@dataclass(frozen=True)
class Level:
    """One native level of a slide's pyramid."""

    width: int
    """Width in this level's pixels."""
    height: int
    """Height in this level's pixels."""
    downsample: float
    """Level-0 pixels per pixel of this level; exact, never rounded. Level 0 has 1.0."""


class Site(NamedTuple):
    """Centre of one scale pyramid, in level-0 px of the whole canvas."""

    x: float
    y: float


class Box(NamedTuple):
    """Axis-aligned rectangle in level-0 px: left, top, width, height."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class ScaleGrid:
    """The scales at which a pyramid is cut, rising. Scale = level-0 px per network px."""

    scales: tuple[float, ...]

    def __post_init__(self) -> None:
        values = np.asarray(self.scales, float)
        if values.size == 0 or not np.all(np.isfinite(values)) or values.min() <= 0:
            raise SettingsError(f"scales must be finite and above 0, got {self.scales}")
        if np.any(np.diff(values) <= 0):
            raise SettingsError(f"scales must rise, got {self.scales}")

    @classmethod
    def geometric(
        cls, lo: float, hi: float, per_octave: float = 8, *, multiple: int = 1
    ) -> ScaleGrid:
        """Scales from lo to hi, both included, evenly spaced in log-scale.

        At least ``per_octave`` per octave: the spacing shrinks a little where hi / lo is no whole
        number of steps, or their number no multiple of ``multiple``.
        (1, 2, 2 per octave) -> 1, 1.414, 2.
        """
        check_ends(lo, hi)
        if not (math.isfinite(per_octave) and per_octave > 0):
            raise SettingsError(f"scales per octave must be above 0, got {per_octave}")
        steps = multiple * max(1, math.ceil(math.log2(hi / lo) * per_octave / multiple - 1e-9))
        scales = [lo * 2 ** (math.log2(hi / lo) * i / steps) for i in range(steps)]
        return cls((*scales, float(hi)))

    @classmethod
    def linear(cls, lo: float, hi: float, step: float) -> ScaleGrid:
        """Scales lo, lo + step, … up to hi. The thesis: (0.5, 9.9, 0.1), 95 scales."""
        check_ends(lo, hi)
        if not (math.isfinite(step) and step > 0):
            raise SettingsError(f"the step between scales must be above 0, got {step}")
        count = math.floor((hi - lo) / step + 1e-9) + 1
        return cls(tuple(lo + i * step for i in range(count)))

    @property
    def octaves(self) -> float:
        """Length of the grid in octaves; 0 for a single scale."""
        return math.log2(self.scales[-1] / self.scales[0])

    @property
    def even(self) -> bool:
        """Whether all steps are alike, in scale or in log-scale."""
        values = np.asarray(self.scales, float)
        steps = (np.diff(values), np.diff(np.log(values)))
        return len(values) < 3 or any(np.allclose(x, x[0], rtol=1e-6, atol=0) for x in steps)

    def __len__(self) -> int:
        return len(self.scales)


def check_ends(lo: float, hi: float) -> None:
    """Raise SettingsError unless 0 < lo < hi, both finite."""
    if not (math.isfinite(lo) and math.isfinite(hi) and lo > 0):
        raise SettingsError(f"scales must be finite and above 0, got {lo:g}:{hi:g}")
    if lo >= hi:
        raise SettingsError(f"scales {lo:g}:{hi:g} are empty; LO must be below HI, e.g. 0.5:16")


@dataclass(frozen=True)
class Window:
    """One patch: the exact sub-pixel rectangle that becomes size × size network pixels."""

    index: int
    """Position of its scale in the grid."""
    scale: float
    """Level-0 px per network px."""
    left: float
    """Left edge in px of the array that its read returns (after reduction), may be fractional."""
    top: float
    """Top edge, same frame."""
    side: float
    """Side, same frame; side / size > 1 shrinks, < 1 enlarges."""
    upsampled: bool
    """True below scale 1: the network sees pixels the slide does not have."""


@dataclass(frozen=True)
class LevelRead:
    """One native read and the patches it serves."""

    level: int
    x: int
    """Left edge in px of that level."""
    y: int
    width: int
    """Width in px of that level, before reduction."""
    height: int
    reduce: int
    """Box-average this many level px into one while reading; 1 = as stored."""
    windows: tuple[Window, ...]


@dataclass(frozen=True)
class ReadPlan:
    """Everything one scale pyramid needs from the slide."""

    site: Site
    grid: ScaleGrid
    size: int
    """Side of a patch in network px."""
    reads: tuple[LevelRead, ...]
    outside: tuple[int, ...] = field(default=())
    """Grid positions whose patch would leave the slide: not read, never padded."""


def reach(bounds: Box, site: Site, size: int) -> float:
    """Largest scale whose size × size patch around the site stays within the bounds (level-0 px).

    A site at the centre of a 1000 × 800 slide, size 100 -> 8.0. Negative outside the bounds.
    """
    margin = min(
        site.x - bounds.x,
        site.y - bounds.y,
        bounds.x + bounds.width - site.x,
        bounds.y + bounds.height - site.y,
    )
    return (2 * margin + _EDGE_SLACK) / size


def px_below(centre: float, side: float, count: int, length: int) -> NDArray[np.intp]:
    """Which of ``length`` pixels lie under the middles of ``count`` equal parts of a span.

    The span is ``side`` long around ``centre``. (5, 4, 2, 10) -> 4, 6.
    """
    steps = (np.arange(count) + 0.5) / count * side - side / 2
    return np.clip(np.floor(centre + steps).astype(np.intp), 0, length - 1)


def pick_level(levels: Sequence[Level], scale: float) -> int:
    """Index of the coarsest level that is no coarser than 1.02 × the asked scale.

    Levels 1, 4.0042, 16: 4.0 -> 1, 3.9 -> 0, 0.5 -> 0 (level 0, upsampled), 100 -> 2.
    """
    fine_enough = [
        i for i, level in enumerate(levels) if level.downsample <= scale * COARSER_TOLERANCE
    ]
    if not fine_enough:
        return min(range(len(levels)), key=lambda i: levels[i].downsample)
    return max(fine_enough, key=lambda i: levels[i].downsample)


def reduction(window_px: float, ratio: float) -> int:
    """Power of two to average while reading; leaves at least 2 source px per network px.

    window_px: side of a patch in px of its level. ratio: level px per network px.
    """
    factor = 1
    while window_px / factor > MAX_READ_SIDE and ratio / (2 * factor) >= 2:
        factor *= 2
    return factor


def plan_reads(
    levels: Sequence[Level], site: Site, grid: ScaleGrid, size: int, *, bounds: Box | None = None
) -> ReadPlan:
    """Plan one scale pyramid: one native read per level used, exact sub-pixel windows.

    levels: the slide's native levels, level 0 first.
    site: centre in level-0 px; windows are centred on it exactly, never rounded.
    size: side of a patch in network px.
    bounds: where pixels exist (level-0 px); the whole canvas when None.
    The windows of all reads, one read after the other, lie from the finest to the coarsest.
    Patches that would leave the bounds are listed in ``outside`` and not read. A level gets a
    second read only where a patch is wider than MAX_READ_SIDE and has to be averaged in bands.
    """
    if size < 1:
        raise SettingsError(f"the side of a patch must be at least 1 px, got {size}")
    canvas = Box(0, 0, levels[0].width, levels[0].height) if bounds is None else bounds
    limit = reach(canvas, site, size)
    groups: dict[tuple[int, int], list[int]] = {}
    outside = []
    for index, scale in enumerate(grid.scales):
        if scale > limit:
            outside.append(index)
            continue
        level = pick_level(levels, scale)
        ratio = scale / levels[level].downsample
        groups.setdefault((level, reduction(size * ratio, ratio)), []).append(index)
    reads = tuple(
        _plan_one(levels[level], level, reduce, site, [(i, grid.scales[i]) for i in members], size)
        for (level, reduce), members in groups.items()  # coarser scales came later
    )
    return ReadPlan(site, grid, size, reads, tuple(outside))


def _plan_one(
    level: Level,
    number: int,
    reduce: int,
    site: Site,
    members: Sequence[tuple[int, float]],
    size: int,
) -> LevelRead:
    """Read the widest patch plus the filter's margin; place every patch inside that read."""
    centre_x, centre_y = site.x / level.downsample, site.y / level.downsample
    widest = max(scale for _, scale in members) / level.downsample
    half = size * widest / 2 + FILTER_SUPPORT * max(1.0, widest) + reduce
    x, width = _span(centre_x, half, level.width, reduce)
    y, height = _span(centre_y, half, level.height, reduce)
    windows = []
    for index, scale in members:
        side = size * scale / level.downsample
        left, top = (centre_x - side / 2 - x) / reduce, (centre_y - side / 2 - y) / reduce
        # a level whose ratio is not whole may end a fraction of a pixel before level 0 does
        side = min(side / reduce, width / reduce, height / reduce)
        left = min(max(left, 0.0), width / reduce - side)
        top = min(max(top, 0.0), height / reduce - side)
        windows.append(Window(index, scale, left, top, side, upsampled=scale < 1 - 1e-9))
    return LevelRead(number, x, y, width, height, reduce, tuple(windows))


def _span(centre: float, half: float, extent: int, multiple: int) -> tuple[int, int]:
    """First px and length of a read, within the level: where there is room an even length, which is
    halved without copies, or a multiple."""
    first = max(0, math.floor(centre - half))
    last = math.ceil(centre + half)
    length = max(1, min(extent, last + (last - first) % 2) - first)
    if multiple > 1:
        length = max(multiple, length // multiple * multiple)
    return first, length
