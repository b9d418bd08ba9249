"""Where patches lie on a slide: pure arithmetic, no file is touched.

There are three frames. In each, the origin is the top left corner, x runs to the right and y runs
down. Coordinates count pixel edges: the first pixel covers 0 to 1, and its centre is at 0.5. ::

    level-0 px                   level px                    network px
    (finest level,               (one stored level,          (one patch)
    whole canvas)                whole canvas)

    0 ------------------> x      0 -------------> x          0 ------> x
    |    +-----------+           |   +-------+               +-------+
    |    |   site    |           |   |       |               |       |
    |    |     +     |           |   |   +   |               |       |  size
    |    |           |           |   |       |               +-------+
    |    +-----------+           |   +-------+                  size
    |    window, side            |   side
    v    size * scale            v   size * scale / downsample
    y                            y

    level px   = level-0 px / downsample
    network px = (level-0 px - edge of the window) / scale

A *site* is the centre of every window of one scale pyramid. A *window* is the square that
becomes one patch of size x size network px. Windows keep their fractional edges.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wsi_scale.errors import SettingsError
from wsi_scale.plumbing.moved import at_new_place

COARSER_TOLERANCE = 1.02
"""A level may be this many times coarser than the scale: a level of 4.0042 still serves 4.0."""

_EDGE_SLACK = 1e-6  # level-0 px; absorbs float rounding of a window that ends exactly at the edge


@dataclass(frozen=True)
class Level:
    """One resolution stored in a slide.

    Examples
    --------
    >>> Level(width=1000, height=800, downsample=4.0)
    Level(width=1000, height=800, downsample=4.0)
    """

    width: int
    """Width in pixels of this level."""
    height: int
    """Height in pixels of this level."""
    downsample: float
    """Level-0 pixels per pixel of this level; exact, never rounded. Level 0 has 1.0."""


class Site(NamedTuple):
    """Centre of one scale pyramid, in level-0 px of the whole canvas.

    Examples
    --------
    >>> Site(500.0, 400.0).x
    500.0
    """

    x: float
    """Level-0 px from the left edge of the canvas; may be fractional."""
    y: float
    """Level-0 px from the top edge of the canvas; may be fractional."""


class Box(NamedTuple):
    """Rectangle in level-0 px of the whole canvas, with sides along x and y.

    Examples
    --------
    >>> Box(x=100, y=50, width=800, height=600)
    Box(x=100, y=50, width=800, height=600)
    """

    x: float
    """Left edge, level-0 px."""
    y: float
    """Top edge, level-0 px."""
    width: float
    """Level-0 px."""
    height: float
    """Level-0 px."""


@dataclass(frozen=True)
class ScaleGrid:
    """The scales at which a pyramid is cut, from finest to coarsest.

    Parameters
    ----------
    scales : tuple of float
        Level-0 px per network px, strictly rising, finite and above 0.

    Raises
    ------
    SettingsError
        When the scales are empty, do not rise, or are not finite and above 0.

    Examples
    --------
    >>> grid = ScaleGrid((1.0, 2.0, 4.0))
    >>> len(grid), grid.octaves, grid.even
    (3, 2.0, True)
    """

    scales: tuple[float, ...]
    """Level-0 px per network px, rising."""

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
        """Scales from ``lo`` to ``hi`` with the same factor between neighbours.

        Parameters
        ----------
        lo, hi : float
            Finest and coarsest scale, level-0 px per network px; both are in the grid.
        per_octave : float
            Least number of steps per octave; a little more if needed to end exactly at ``hi``.
        multiple : int
            The number of steps is a multiple of this.

        Returns
        -------
        ScaleGrid
            At least two scales.

        Raises
        ------
        SettingsError
            Unless 0 < ``lo`` < ``hi`` and ``per_octave`` > 0, all finite.

        Examples
        --------
        >>> [round(scale, 3) for scale in ScaleGrid.geometric(1, 2, 2).scales]
        [1.0, 1.414, 2.0]
        """
        check_ends(lo, hi)
        if not (math.isfinite(per_octave) and per_octave > 0):
            raise SettingsError(f"scales per octave must be above 0, got {per_octave}")
        steps = multiple * max(1, math.ceil(math.log2(hi / lo) * per_octave / multiple - 1e-9))
        scales = [lo * 2 ** (math.log2(hi / lo) * i / steps) for i in range(steps)]
        return cls((*scales, float(hi)))

    @classmethod
    def linear(cls, lo: float, hi: float, step: float) -> ScaleGrid:
        """Scales ``lo``, ``lo + step``, … with the same difference between neighbours.

        Parameters
        ----------
        lo, hi : float
            Finest and coarsest scale, level-0 px per network px. ``hi`` is in the grid only if it
            is a whole number of steps from ``lo``.
        step : float
            Difference between neighbours.

        Returns
        -------
        ScaleGrid
            At least one scale.

        Raises
        ------
        SettingsError
            Unless 0 < ``lo`` < ``hi`` and ``step`` > 0, all finite.

        Examples
        --------
        >>> len(ScaleGrid.linear(0.5, 9.9, 0.1).scales)  # those of the thesis
        95
        """
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
        """True if all steps are equal, either as differences or as factors."""
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


def reach(bounds: Box, site: Site, size: int) -> float:
    """Largest scale whose patch around the site stays within the bounds.

    Parameters
    ----------
    bounds : Box
        Where pixels exist, level-0 px.
    site : Site
        Centre of the patch, level-0 px.
    size : int
        Side of the patch, network px.

    Returns
    -------
    float
        Level-0 px per network px; negative if the site lies outside the bounds.

    Examples
    --------
    >>> round(reach(Box(0, 0, 1000, 800), Site(500, 400), 100), 3)
    8.0
    """
    margin = min(
        site.x - bounds.x,
        site.y - bounds.y,
        bounds.x + bounds.width - site.x,
        bounds.y + bounds.height - site.y,
    )
    return (2 * margin + _EDGE_SLACK) / size


def px_below(centre: float, side: float, count: int, length: int) -> NDArray[np.intp]:
    """Indices of the pixels under the middles of ``count`` equal parts of a span.

    The span is ``side`` px long around ``centre``, on an axis of ``length`` pixels.

    >>> px_below(5, 4, 2, 10).tolist()
    [4, 6]
    """
    steps = (np.arange(count) + 0.5) / count * side - side / 2
    return np.clip(np.floor(centre + steps).astype(np.intp), 0, length - 1)


def pick_level(levels: Sequence[Level], scale: float) -> int:
    """Index of the level to read for a scale: the coarsest that is fine enough.

    A level is fine enough if its downsample is at most 1.02 times the scale.

    Parameters
    ----------
    levels : sequence of Level
        Levels of the slide, in any order.
    scale : float
        Level-0 px per network px.

    Returns
    -------
    int
        Index into ``levels``; that of the finest level if none is fine enough.

    Examples
    --------
    >>> levels = [Level(16000, 16000, 1.0), Level(3996, 3996, 4.0042), Level(1000, 1000, 16.0)]
    >>> [pick_level(levels, scale) for scale in (0.5, 3.9, 4.0, 100)]
    [0, 0, 1, 2]
    """
    fine_enough = [i for i, x in enumerate(levels) if x.downsample <= scale * COARSER_TOLERANCE]
    if not fine_enough:
        return min(range(len(levels)), key=lambda i: levels[i].downsample)
    return max(fine_enough, key=lambda i: levels[i].downsample)


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        """Read plans live in ``slide.read_plan`` now; their old path works and warns."""
        return at_new_place(__name__, name)
