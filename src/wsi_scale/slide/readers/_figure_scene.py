"""The scene of the model problem: figures of twenty classes on white."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from wsi_scale.slide.readers._scenes import (
    COLOURS,
    FIGURE_CLASSES,
    Bytes,
    Figures,
    Grid,
    inside_figure,
    stamp,
)


@dataclass(frozen=True)
class FigureScene:
    """The thesis's model problem: coloured figures on white, which may overlap.

    As in the thesis's program there is one figure per 2 500 px². It is 40 px + U[−5, 5) wide, its
    colour is shifted by U[−20, 20) in all channels alike, and the lines of a cross are 7 px wide.
    Each tile holds figures of one class: ``only``, or one of all 20 if that is None. Then every
    5 × 4 block of tiles holds each class once, in an order drawn from the seed.
    """

    seed: int = 0
    only: int | None = None
    tile: int = 500
    """Side of a tile in scene units, a multiple of 50."""
    coarsest_pitch: float = 10.0
    """Points further apart than this show the mean colour of the tile, because figures are then
    too small to show."""
    most_subsamples: int = 4

    @property
    def per_tile(self) -> int:
        """Number of figures in one tile: one per 50 × 50."""
        return (self.tile // 50) ** 2

    def render(self, grid: Grid) -> Bytes:
        """(rows, columns, 3) uint8."""
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
        """Class of the figures whose centres lie in tile column tx, row ty."""
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
    """(20, 3) expected colour of each class if figures lie independently (Boolean model)."""
    side = (np.arange(200) + 0.5) / 100 - 1
    u, v = np.meshgrid(side, side)
    shifts = np.linspace(-20, 20, 401)
    means = np.empty((len(FIGURE_CLASSES), 3))
    for kind in range(len(FIGURE_CLASSES)):
        inside = inside_figure(u, v, np.float64(20.0), kind % 4)
        covered = 1 - np.exp(-density * 1600 * inside.mean())
        base = np.array(list(COLOURS.values()))[kind // 4]
        figure = np.clip(base + shifts[:, None], 0, 255).mean(axis=0)
        means[kind] = 255 * (1 - covered) + figure * covered
    return means.round().astype(np.uint8)
