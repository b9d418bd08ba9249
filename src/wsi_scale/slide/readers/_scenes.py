"""What synthetic slides show: seeded scenes without edges, drawn at any point and any pitch.

A scene is a function of position, so a pixel is the same in whichever window it is drawn. A scene
has its own units; the synthetic slide maps level-0 px to them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from wsi_scale.plumbing.arrays import Array

Bytes = NDArray[np.uint8]

SHAPES = ("rectangle", "ellipse", "cross", "triangle")
COLOURS = {
    "red": (255, 0, 0),
    "green": (0, 255, 0),
    "blue": (0, 0, 255),
    "yellow": (255, 255, 0),
    "purple": (128, 0, 128),
}
FIGURE_CLASSES = tuple(f"{colour} {shape}" for colour in COLOURS for shape in SHAPES)
"""The 20 classes of the thesis; index = 4 · colour + shape."""

_STAMP_POINTS = 1 << 22  # points evaluated at once while figures are drawn


@dataclass(frozen=True)
class Grid:
    """Points ((i + ½) · pitch, (j + ½) · pitch) for i from i0, j from j0, ends not included."""

    i0: int
    j0: int
    columns: int
    rows: int
    pitch: float

    @property
    def x(self) -> Array:
        """(columns,) scene units."""
        return np.asarray((np.arange(self.i0, self.i0 + self.columns) + 0.5) * self.pitch)

    @property
    def y(self) -> Array:
        """(rows,) scene units."""
        return np.asarray((np.arange(self.j0, self.j0 + self.rows) + 0.5) * self.pitch)


class Scene(Protocol):
    """Anything that gives each point of a grid a colour."""

    @property
    def coarsest_pitch(self) -> float:
        """Points further apart than this show mean colours and no single figures."""

    @property
    def most_subsamples(self) -> int:
        """Most points per side that are averaged into one pixel."""

    def render(self, grid: Grid) -> Bytes:
        """(rows, columns, 3) uint8."""


@dataclass(frozen=True)
class Figures:
    """Shapes to be drawn in order, later ones on top. Every array has one row per shape."""

    centre: Array
    """(N, 2) x, y in scene units."""
    half: Array
    """(N, 2) half width and half height."""
    shape: NDArray[np.int64]
    """(N,) index into SHAPES."""
    colour: Bytes
    """(N, 3) RGB."""
    angle: Array
    """(N,) radians; only ellipses turn."""


def inside_figure(u: Array, v: Array, half: Array | np.float64, shape: int) -> NDArray[np.bool_]:
    """Whether points lie in a figure.

    u, v: offsets from its centre, as shares of its half sides. half: mean half side in scene units.
    All three are broadcast.
    """
    match SHAPES[shape]:
        case "rectangle":
            return np.asarray((np.abs(u) <= 1) & (np.abs(v) <= 1))
        case "ellipse":
            return np.asarray(u * u + v * v <= 1)
        case "cross":
            line = (
                3.5 / np.sqrt(0.5) / half
            )  # half the width of a 7-px line, measured along an axis
            box = (np.abs(u) <= 1) & (np.abs(v) <= 1)
            return np.asarray(box & (np.abs(np.abs(u) - np.abs(v)) <= line))
        case _:
            return np.asarray((np.abs(v) <= 1) & (2 * np.abs(u) <= v + 1))


def stamp(canvas: Bytes, grid: Grid, groups: list[Figures], reach: float) -> None:
    """Draw figures onto a canvas (rows, columns, 3), in order and in place.

    reach: farthest that any figure extends from its centre, scene units.
    """
    centre, half, shape, colour, angle = (
        np.concatenate([getattr(g, name) for g in groups])
        for name in ("centre", "half", "shape", "colour", "angle")
    )
    first = np.ceil((centre - reach) / grid.pitch - 0.5).astype(int) - (grid.i0, grid.j0)
    width = int(2 * reach / grid.pitch) + 1
    seen = np.all((first + width > 0) & (first < (grid.columns, grid.rows)), axis=1)
    chosen = np.flatnonzero(seen)
    if width > (largest := max(grid.columns, grid.rows)):  # figures larger than what is looked at
        first, width = np.zeros_like(first), largest
    step = max(1, _STAMP_POINTS // width**2)
    flat = canvas.reshape(-1, 3)
    for start in range(0, len(chosen), step):
        part = chosen[start : start + step]
        i, j = (first[part, axis, None] + np.arange(width) for axis in (0, 1))
        dx = (i + grid.i0 + 0.5) * grid.pitch - centre[part, 0, None]
        dy = (j + grid.j0 + 0.5) * grid.pitch - centre[part, 1, None]
        inside = _cover(dx, dy, half[part], shape[part], angle[part])
        inside &= ((j >= 0) & (j < grid.rows))[:, :, None]
        inside &= ((i >= 0) & (i < grid.columns))[:, None, :]
        which, row, column = np.nonzero(inside)
        # numpy assigns repeated indices in order, so later figures end up on top
        flat[j[which, row] * grid.columns + i[which, column]] = colour[part][which]


def _cover(
    dx: Array, dy: Array, half: Array, shape: NDArray[np.int64], angle: Array
) -> NDArray[np.bool_]:
    """(N, W, W), True where a figure covers a point; dx, dy: (N, W) offsets from its centre."""
    x, y = dx[:, None, :], dy[:, :, None]
    out = np.empty((len(dx), dx.shape[1], dx.shape[1]), bool)
    for kind in np.unique(shape):
        mine = shape == kind
        sides, cos, sin = half[mine, :, None, None], np.cos(angle[mine]), np.sin(angle[mine])
        u, v = x[mine], y[mine]
        if np.any(angle[mine]):
            cos, sin = cos[:, None, None], sin[:, None, None]
            u, v = cos * u + sin * v, cos * v - sin * u
        out[mine] = inside_figure(u / sides[:, 0], v / sides[:, 1], sides.mean(axis=1), int(kind))
    return out


def lattice(seed: int, ix: NDArray[np.int64], iy: NDArray[np.int64]) -> Array:
    """A random value from 0 to 1 for each lattice point, (rows, columns). Source: SplitMix64."""
    z = ix[None, :].astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    z = z + iy[:, None].astype(np.uint64) * np.uint64(0xC2B2AE3D27D4EB4F)
    z = z + np.uint64(seed % 2**63)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return (z ^ (z >> np.uint64(31))).astype(np.float64) / 2.0**64
