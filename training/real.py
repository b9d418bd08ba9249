"""Patches of real slides, labelled by the colour of haematoxylin alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scanner import Rng
from scipy.ndimage import binary_dilation, gaussian_filter
from skimage import measure
from skimage.color import rgb2hed
from skimage.filters import threshold_local, threshold_otsu

from wsi_scale import open_slide
from wsi_scale.errors import SettingsError
from wsi_scale.known_scale.calibrate.augment import Jitter, apply, draw
from wsi_scale.slide.resolution import mean_mpp

Plane = NDArray[np.float32]

JITTER = Jitter(stain=0.25, light=0.15, blur=0.8, quality=(40, 95))
LEAST_TISSUE = 0.5
SIZES = (12.0, 150.0)
"""Of a nucleus on a section, µm²."""
LEAST_SOLIDITY = 0.85


class RealSlide:
    """Level 0 of a slide that knows its µm/px, with labels."""

    def __init__(self, path: Path) -> None:
        with open_slide(path) as slide:
            if slide.mpp is None:
                raise SettingsError(f"{path} does not say how large its pixels are")
            level, self.mpp = slide.levels[0], mean_mpp(slide.mpp)
            self.pixels = slide.read(0, 0, 0, level.width, level.height)
        nuclei, known = label(self.pixels, self.mpp)
        self.nuclei, self.known = nuclei.astype(np.float32), known.astype(np.float32)
        self.tissue = gaussian_filter(self.pixels.min(2).astype(np.float32), 5) < 215

    def patch(self, rng: Rng, side: int, mpp: float) -> tuple[NDArray[np.uint8], Plane, Plane]:
        """(side, side, 3), its labels and how far they are known (side, side), turned, mirrored
        and stained otherwise."""
        wide = round(side * mpp / self.mpp)
        height, width = self.nuclei.shape
        for _ in range(100):
            y, x = int(rng.integers(height - wide + 1)), int(rng.integers(width - wide + 1))
            part = np.s_[y : y + wide, x : x + wide]
            if self.tissue[part].mean() >= LEAST_TISSUE:
                break
        turns, mirror = int(rng.integers(4)), slice(None, None, -1 if rng.random() < 0.5 else 1)
        image, nuclei, known = (
            np.ascontiguousarray(np.rot90(whole[part], turns)[mirror])
            for whole in (self.pixels, self.nuclei, self.known)
        )
        small = np.asarray(Image.fromarray(image).resize((side, side), Image.Resampling.BICUBIC))
        masks = (
            np.asarray(Image.fromarray(x).resize((side, side), Image.Resampling.BOX))
            for x in (nuclei, known)
        )
        return apply(small, draw(JITTER, rng), 1.0), *masks


def label(image: NDArray[np.uint8], mpp: float) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """(nuclei, known): what is denser in haematoxylin than the slide's threshold and than what
    lies around; known is False where that has no nucleus's size or shape, and a little beyond."""
    haematoxylin = gaussian_filter(rgb2hed(image)[..., 0], 0.5 / mpp)
    tissue = image.min(2) < 215
    wide = int(25 / mpp) | 1
    mask = haematoxylin > np.maximum(
        threshold_otsu(haematoxylin[tissue]), threshold_local(haematoxylin, wide)
    )
    numbered = measure.label(mask)
    good = [
        p.label
        for p in measure.regionprops(numbered)
        if SIZES[0] <= p.area * mpp**2 <= SIZES[1] and p.solidity >= LEAST_SOLIDITY
    ]
    nuclei = np.isin(numbered, good)
    return nuclei, ~binary_dilation(mask & ~nuclei, iterations=round(2 / mpp))
