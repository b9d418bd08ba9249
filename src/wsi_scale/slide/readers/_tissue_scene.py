"""A scene that resembles tissue: nuclei on stroma, surrounded by glass."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from wsi_scale.plumbing.arrays import Array
from wsi_scale.slide.readers._scenes import SHAPES, Bytes, Figures, Grid, lattice, stamp


@dataclass(frozen=True)
class TissueScene:
    """A texture like tissue, in micrometres: an eosin ground with nuclei of known size, on white.

    It is not histology, but has the same sizes, for tests and demonstrations. The tissue is an
    ellipse with a wavy rim.
    """

    seed: int = 0
    width_um: float = 2000.0
    """Width of the scene, µm."""
    height_um: float = 2000.0
    """Height of the scene, µm."""
    nucleus_um: float = 7.0
    """Mean diameter of a nucleus, µm; single nuclei differ by up to 20 %."""
    nuclei_per_mm2: float = 4000.0
    tile: float = 100.0
    coarsest_pitch: float = 10.0
    """Points further apart than this (µm) show the mean shade of nuclei, no single ones."""
    most_subsamples: int = 4

    def render(self, grid: Grid) -> Bytes:
        """(rows, columns, 3) uint8."""
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

    def _is_tissue(self, x: Array, y: Array) -> NDArray[np.bool_]:
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


def _value_noise(seed: int, grid: Grid, spacing: float) -> Array:
    """Smooth noise from 0 to 1: random values on a lattice, blended with a cubic ramp."""
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
