"""What synthetic slides show: endless seeded scenes, evaluated at any point, at any pitch.

A scene is a function of position, so a pixel is the same through whichever window it is asked.
Units: a scene has its own plane; the synthetic slide maps level-0 px onto it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
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
"""The thesis's 20 classes; index = 4 · colour + shape."""

_STAMP_POINTS = 1 << 22  # points evaluated at once while figures are drawn


@dataclass(frozen=True)
class Grid:
    """Points ((i + ½) · pitch, (j + ½) · pitch) for i, j in a half-open index range."""

    i0: int
    j0: int
    columns: int
    rows: int
    pitch: float

    @property
    def x(self) -> Floats:
        return np.asarray((np.arange(self.i0, self.i0 + self.columns) + 0.5) * self.pitch)

    @property
    def y(self) -> Floats:
        return np.asarray((np.arange(self.j0, self.j0 + self.rows) + 0.5) * self.pitch)


class Scene(Protocol):
    """Anything that can colour the points of a grid."""

    @property
    def coarsest_pitch(self) -> float:
        """Points further apart than this show means, no single figures."""

    @property
    def most_subsamples(self) -> int:
        """Points a side that are averaged into one pixel, at most."""

    def render(self, grid: Grid) -> Bytes:
        """(rows, columns, 3) uint8."""


@dataclass(frozen=True)
class Figures:
    """Convex-ish shapes to be drawn in order, later ones on top. All arrays have one row each."""

    centre: Floats
    """(N, 2) x, y in scene units."""
    half: Floats
    """(N, 2) half width and half height."""
    shape: NDArray[np.int64]
    """(N,) index into SHAPES."""
    colour: Bytes
    """(N, 3)."""
    angle: Floats
    """(N,) radians; only ellipses turn."""


@dataclass(frozen=True)
class FigureScene:
    """The thesis's model problem: coloured figures on white, overlaps allowed.

    Facts from the thesis's program: one figure per 2 500 px², 40 px + U[−5, 5) wide, colour
    + U[−20, 20) on every channel at once, cross lines 7 px wide. Each tile holds figures of one
    class: always ``only``, or, where that is None, one of all 20 (every 5 × 4 block of tiles holds
    each class once, in an order drawn from the seed).
    """

    seed: int = 0
    only: int | None = None
    tile: int = 500
    """Side, a multiple of 50."""
    coarsest_pitch: float = 10.0
    """Points further apart than this show the tile's mean colour: a figure is then sub-pixel."""
    most_subsamples: int = 4

    @property
    def per_tile(self) -> int:
        """Figures in one tile: one for every 50 × 50."""
        return (self.tile // 50) ** 2

    def render(self, grid: Grid) -> Bytes:
        if grid.pitch > self.coarsest_pitch:
            return self._render_means(grid)
        reach = 23.0  # half of the largest figure, rounded up
        tx0, ty0 = (np.array([grid.x[0], grid.y[0]]) - reach) // self.tile
        tx1, ty1 = (np.array([grid.x[-1], grid.y[-1]]) + reach) // self.tile
        canvas = np.full((grid.rows, grid.columns, 3), 255, np.uint8)
        for ty in range(int(ty0), int(ty1) + 1):
            stamp(
                canvas, grid, [self._figures(tx, ty) for tx in range(int(tx0), int(tx1) + 1)], reach
            )
        return canvas

    def class_of_tile(self, tx: int, ty: int) -> int:
        """Class of the figures centred in tile column tx, row ty."""
        if self.only is not None:
            return self.only
        block_x, block_y = tx // 5, ty // 4
        return int(_class_order(self.seed, block_x, block_y)[(ty % 4) * 5 + tx % 5])

    def _figures(self, tx: int, ty: int) -> Figures:
        return _figures_of_tile(self, tx, ty)

    def _render_means(self, grid: Grid) -> Bytes:
        tiles_x, column = np.unique(np.floor(grid.x / self.tile), return_inverse=True)
        tiles_y, row = np.unique(np.floor(grid.y / self.tile), return_inverse=True)
        classes = np.array([[self.class_of_tile(int(x), int(y)) for x in tiles_x] for y in tiles_y])
        means = _mean_colours(self.per_tile / self.tile**2)
        return np.asarray(means[classes[np.ix_(row, column)]])


@lru_cache(maxsize=8192)
def _figures_of_tile(scene: FigureScene, tx: int, ty: int) -> Figures:
    rng = np.random.default_rng([scene.seed, 1, tx % 2**32, ty % 2**32])
    kind = scene.class_of_tile(tx, ty)
    n = scene.per_tile
    centre = (rng.random((n, 2)) + np.array([tx, ty])) * scene.tile
    half = (40 + rng.uniform(-5, 5, (n, 2))) / 2
    base = np.array(list(COLOURS.values()))[kind // 4]
    colour = np.clip(base + rng.uniform(-20, 20, (n, 1)), 0, 255).astype(np.uint8)
    return Figures(centre, half, np.full(n, kind % 4), colour, np.zeros(n))


@lru_cache(maxsize=1024)
def _class_order(seed: int, block_x: int, block_y: int) -> NDArray[np.int64]:
    rng = np.random.default_rng([seed, 2, block_x % 2**32, block_y % 2**32])
    return rng.permutation(len(FIGURE_CLASSES))


@lru_cache(maxsize=8)
def _mean_colours(density: float) -> Bytes:
    """(20, 3) expected colour of each class where figures fall independently (Boolean model)."""
    side = (np.arange(200) + 0.5) / 100 - 1
    u, v = np.meshgrid(side, side)
    shifts = np.linspace(-20, 20, 401)
    means = np.empty((len(FIGURE_CLASSES), 3))
    for kind in range(len(FIGURE_CLASSES)):
        inside = _inside(u, v, np.float64(20.0), kind % 4)
        covered = 1 - np.exp(-density * 1600 * inside.mean())
        base = np.array(list(COLOURS.values()))[kind // 4]
        figure = np.clip(base + shifts[:, None], 0, 255).mean(axis=0)
        means[kind] = 255 * (1 - covered) + figure * covered
    return means.round().astype(np.uint8)


def _inside(u: Floats, v: Floats, half: Floats | np.float64, shape: int) -> NDArray[np.bool_]:
    """Whether points lie in a figure. u, v: offsets from its centre as shares of its half sides,
    broadcast against each other; half: mean half side in scene units, broadcast likewise."""
    match SHAPES[shape]:
        case "rectangle":
            return np.asarray((np.abs(u) <= 1) & (np.abs(v) <= 1))
        case "ellipse":
            return np.asarray(u * u + v * v <= 1)
        case "cross":
            line = 3.5 / np.sqrt(0.5) / half  # half of a 7-px line, measured along an axis
            box = (np.abs(u) <= 1) & (np.abs(v) <= 1)
            return np.asarray(box & (np.abs(np.abs(u) - np.abs(v)) <= line))
        case _:
            return np.asarray((np.abs(v) <= 1) & (2 * np.abs(u) <= v + 1))


def stamp(canvas: Bytes, grid: Grid, groups: list[Figures], reach: float) -> None:
    """Draw figures onto canvas (rows, columns, 3) in order, in place.

    reach: no figure extends further than this from its centre, scene units.
    """
    centre, half, shape, colour, angle = (
        np.concatenate([getattr(g, name) for g in groups])
        for name in ("centre", "half", "shape", "colour", "angle")
    )
    first = np.ceil((centre - reach) / grid.pitch - 0.5).astype(int) - (grid.i0, grid.j0)
    width = int(2 * reach / grid.pitch) + 1
    seen = np.all((first + width > 0) & (first < (grid.columns, grid.rows)), axis=1)
    chosen = np.flatnonzero(seen)
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
        # numpy assigns repeated indices in order, so later figures lie on top
        flat[j[which, row] * grid.columns + i[which, column]] = colour[part][which]


def _cover(
    dx: Floats, dy: Floats, half: Floats, shape: NDArray[np.int64], angle: Floats
) -> NDArray[np.bool_]:
    """(N, W, W) which points each figure covers; dx, dy (N, W) offsets from its centre."""
    x, y = dx[:, None, :], dy[:, :, None]
    out = np.empty((len(dx), dx.shape[1], dx.shape[1]), bool)
    for kind in np.unique(shape):
        mine = shape == kind
        sides, cos, sin = half[mine, :, None, None], np.cos(angle[mine]), np.sin(angle[mine])
        u, v = x[mine], y[mine]
        if np.any(angle[mine]):
            cos, sin = cos[:, None, None], sin[:, None, None]
            u, v = cos * u + sin * v, cos * v - sin * u
        out[mine] = _inside(u / sides[:, 0], v / sides[:, 1], sides.mean(axis=1), int(kind))
    return out


@dataclass(frozen=True)
class TissueScene:
    """A tissue-like texture in micrometres: eosin ground with nuclei of known size, on white.

    Not histology: a stand-in with the same ruler, for tests and demonstrations. Tissue fills an
    ellipse of the given extent with a wavy rim.
    """

    seed: int = 0
    width_um: float = 2000.0
    height_um: float = 2000.0
    nucleus_um: float = 7.0
    """Mean diameter of a nucleus; single nuclei differ by ± 20 %."""
    nuclei_per_mm2: float = 4000.0
    tile: float = 100.0
    coarsest_pitch: float = 10.0
    """Points further apart than this (µm) show no single nuclei, only their mean shade."""
    most_subsamples: int = 4

    def render(self, grid: Grid) -> Bytes:
        tissue = self._is_tissue(*np.meshgrid(grid.x, grid.y))
        waves = _value_noise(self.seed, grid, 40.0) * 0.6 + _value_noise(self.seed, grid, 9.0) * 0.4
        shade = (waves - 0.5)[..., None] * np.array([26.0, 60.0, 40.0])
        canvas = (np.array([228.0, 168.0, 200.0]) + shade).clip(0, 255).astype(np.uint8)
        if grid.pitch > self.coarsest_pitch:
            covered = self.nuclei_per_mm2 * 1e-6 * np.pi / 4 * self.nucleus_um**2
            canvas = (canvas * (1 - covered) + np.array([92, 60, 140]) * covered).astype(np.uint8)
        else:
            self._stamp_nuclei(canvas, grid)
        canvas[~tissue] = 255
        return np.asarray(canvas)

    def _stamp_nuclei(self, canvas: Bytes, grid: Grid) -> None:
        reach = 0.75 * self.nucleus_um
        tx0, ty0 = (np.array([grid.x[0], grid.y[0]]) - reach) // self.tile
        tx1, ty1 = (np.array([grid.x[-1], grid.y[-1]]) + reach) // self.tile
        for ty in range(int(ty0), int(ty1) + 1):
            nuclei = [_nuclei_of_tile(self, tx, ty) for tx in range(int(tx0), int(tx1) + 1)]
            stamp(canvas, grid, nuclei, reach)

    def _is_tissue(self, x: Floats, y: Floats) -> NDArray[np.bool_]:
        u, v = x / self.width_um * 2 - 1, y / self.height_um * 2 - 1
        turn = np.arctan2(v, u)
        phase = np.random.default_rng([self.seed, 3]).uniform(0, 2 * np.pi, 3)
        rim = 0.86 + sum(0.03 * np.sin((k + 2) * turn + phase[k]) for k in range(3))
        return np.asarray(u * u + v * v <= rim * rim)


@lru_cache(maxsize=8192)
def _nuclei_of_tile(scene: TissueScene, tx: int, ty: int) -> Figures:
    rng = np.random.default_rng([scene.seed, 4, tx % 2**32, ty % 2**32])
    n = rng.poisson(scene.nuclei_per_mm2 * (scene.tile / 1000) ** 2)
    centre = (rng.random((n, 2)) + np.array([tx, ty])) * scene.tile
    radius = scene.nucleus_um / 2 * rng.uniform(0.8, 1.2, n)
    stretch = rng.uniform(1.0, 1.25, n)
    half = np.stack([radius * stretch, radius / stretch], axis=1)
    colour = np.array([92, 60, 140]) + rng.integers(-18, 19, (n, 3))
    ellipses = np.full(n, SHAPES.index("ellipse"))
    return Figures(centre, half, ellipses, colour.astype(np.uint8), rng.uniform(0, np.pi, n))


def _value_noise(seed: int, grid: Grid, spacing: float) -> Floats:
    """Smooth noise in 0–1: random values on a lattice, blended with a cubic ramp."""
    (ix, fx), (iy, fy) = (
        (np.floor(axis / spacing).astype(np.int64), axis / spacing - np.floor(axis / spacing))
        for axis in (grid.x, grid.y)
    )
    ramp_x, ramp_y = (f * f * (3 - 2 * f) for f in (fx, fy))
    left, right = (
        lattice(seed, ix + k, iy) * (1 - ramp_y)[:, None]
        + lattice(seed, ix + k, iy + 1) * ramp_y[:, None]
        for k in (0, 1)
    )
    return left * (1 - ramp_x) + right * ramp_x


def lattice(seed: int, ix: NDArray[np.int64], iy: NDArray[np.int64]) -> Floats:
    """Random value in 0–1 of each lattice point, (rows, columns). Source: SplitMix64."""
    z = ix[None, :].astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    z = z + iy[:, None].astype(np.uint64) * np.uint64(0xC2B2AE3D27D4EB4F)
    z = z + np.uint64(seed % 2**63)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return (z ^ (z >> np.uint64(31))).astype(np.float64) / 2.0**64
