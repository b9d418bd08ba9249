"""How well a segmenter's patches agree with a mask, scale by scale."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from wsi_scale.errors import SettingsError
from wsi_scale.geometry import Site, px_below
from wsi_scale.plumbing.arrays import Array, Mask
from wsi_scale.plumbing.arrays_damage import NPZ_DAMAGE
from wsi_scale.plumbing.files import replacing


@dataclass(frozen=True)
class Overlap:
    """Counts of pixels in the network's output, one row per patch."""

    scale: Array
    """(R,) level-0 px per network px."""
    both: Array
    """(R,) pixels that the network found and that are in the mask."""
    found: Array
    """(R,) pixels that the network found."""
    true: Array
    """(R,) pixels in the mask."""

    def dice(self, scales: Array) -> Array:
        """(S,) 2 · both / (found + true) over all patches of a scale; NaN if both are empty."""
        out = np.full(len(scales), np.nan)
        for i, scale in enumerate(scales):
            here = np.abs(self.scale / scale - 1) < 1e-6
            whole = self.found[here].sum() + self.true[here].sum()
            if whole > 0:
                out[i] = 2 * self.both[here].sum() / whole
        return out

    def save(self, path: Path) -> None:
        """Write one ``.npz`` file, completely or not at all."""
        with replacing(path) as file:
            np.savez_compressed(file, **vars(self))

    @classmethod
    def load(cls, path: Path) -> Overlap:
        """The counts that ``save`` wrote. Raises SettingsError for anything else."""
        try:
            with np.load(path, allow_pickle=False) as file:
                return cls(file["scale"], file["both"], file["found"], file["true"])
        except NPZ_DAMAGE as error:
            raise SettingsError(f"{path} is damaged; delete it and its .json") from error


def mask_of_patch(mask: Mask, site: Site, side: float, count: int) -> Mask:
    """(count, count) the mask at the centres of a patch's count × count pixels.

    mask: (H, W) at level 0. side: side of the patch, which lies inside the mask, in level-0 px.
    """
    rows, columns = (
        px_below(centre, side, count, length)
        for centre, length in ((site.y, mask.shape[0]), (site.x, mask.shape[1]))
    )
    return np.asarray(mask[np.ix_(rows, columns)])


def count_overlap(scales: list[float], found: Mask, true: Mask) -> Overlap:
    """Counts for R patches. found, true: (R, H, W)."""
    sums = ((found & true).sum((1, 2)), found.sum((1, 2)), true.sum((1, 2)))
    return Overlap(np.array(scales), *(np.asarray(x, float) for x in sums))


def join(parts: list[Overlap]) -> Overlap:
    """All rows, in order."""
    columns = zip(*(vars(part).values() for part in parts), strict=True)
    return Overlap(*(np.concatenate(column) for column in columns))
