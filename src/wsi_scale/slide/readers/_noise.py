"""Gaussian noise on drawn scenes. A place has the same noise in whichever window it is drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from wsi_scale.plumbing.arrays import Array
from wsi_scale.slide.readers._scenes import Bytes, Grid, Scene, lattice


@dataclass(frozen=True)
class NoisyScene:
    """A scene with Gaussian noise on every channel, clipped to 0–255.

    One noise value covers ``grain`` × ``grain`` scene units. Grain 1 is noise on every pixel of the
    thesis's images, grain 2 is the thesis's noise at half the resolution. A coarse pixel is the
    mean of the noisy points that it covers, so coarse levels show less noise. The effect of
    clipping remains.
    """

    scene: Scene
    sigma: float
    """Standard deviation in grey levels, before clipping."""
    grain: int = 1
    seed: int = 0

    most_subsamples: ClassVar[int] = 64
    """Most points per side that are averaged into one pixel: all of them down to downsample 64."""

    @property
    def coarsest_pitch(self) -> float:
        """Points further apart than this show means without noise.

        They are brighter where noise on white would be clipped. Pixels narrower than 64 times this
        pitch are not affected.
        """
        return self.scene.coarsest_pitch

    def render(self, grid: Grid) -> Bytes:
        """(rows, columns, 3) uint8."""
        clean = self.scene.render(grid)
        if grid.pitch > self.coarsest_pitch:
            return clean
        noisy = clean + self.sigma * self._normal(grid)
        return np.asarray(np.rint(noisy.clip(0, 255)).astype(np.uint8))

    def _normal(self, grid: Grid) -> Array:
        """(rows, columns, 3) standard normal numbers. Source: Box and Muller 1958."""
        x, y = (np.floor(axis / self.grain).astype(np.int64) for axis in (grid.x, grid.y))
        keys = np.random.default_rng([self.seed, 6]).integers(2**62, size=4)
        radius, turn, radius_2, turn_2 = (lattice(int(key), x, y) for key in keys)
        length, angle = np.sqrt(-2 * np.log1p(-radius)), 2 * np.pi * turn
        third = np.sqrt(-2 * np.log1p(-radius_2)) * np.cos(2 * np.pi * turn_2)
        return np.stack([length * np.cos(angle), length * np.sin(angle), third], axis=2)
