"""Changes what scanners and laboratories change, and scale is not: stain, light, focus, JPEG."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter
from skimage.color import hed_from_rgb, rgb_from_hed

from wsi_scale.plumbing.arrays import Pixels
from wsi_scale.slide.pyramid import Pyramid


@dataclass(frozen=True)
class Jitter:
    """How much may change. Each pyramid draws once, so all its scales are changed alike."""

    stain: float = 0.1
    """Each of haematoxylin, eosin and DAB is multiplied by 1 ± this and shifted by ± a tenth of it.
    Between the light (0.05) and strong (0.2) jitter of Tellez et al., Medical Image Analysis 2019
    (arXiv 1902.06543)."""
    light: float = 0.1
    """Brightness and contrast are each multiplied by 1 ± this."""
    blur: float = 1.0
    """Gaussian blur of 0 to this many level-0 px."""
    quality: tuple[int, int] = (60, 95)
    """JPEG quality, lowest and highest."""


@dataclass(frozen=True)
class Change:
    """One draw."""

    stain_gain: tuple[float, float, float]
    stain_shift: tuple[float, float, float]
    brightness: float
    contrast: float
    blur: float
    """Level-0 px."""
    quality: int


def draw(jitter: Jitter, rng: np.random.Generator) -> Change:
    """One change, from uniform distributions."""
    gains = 1 + rng.uniform(-jitter.stain, jitter.stain, 3)
    shifts = rng.uniform(-jitter.stain / 10, jitter.stain / 10, 3)
    brightness, contrast = 1 + rng.uniform(-jitter.light, jitter.light, 2)
    return Change(
        (float(gains[0]), float(gains[1]), float(gains[2])),
        (float(shifts[0]), float(shifts[1]), float(shifts[2])),
        float(brightness),
        float(contrast),
        float(rng.uniform(0, jitter.blur)),
        int(rng.integers(jitter.quality[0], jitter.quality[1] + 1)),
    )


def jitter_pyramid(pyramid: Pyramid, jitter: Jitter, rng: np.random.Generator) -> Pyramid:
    """The same pyramid, changed alike at all scales."""
    change = draw(jitter, rng)
    patches = [
        apply(patch, change, pyramid.grid.scales[index])
        for patch, index in zip(pyramid.patches, pyramid.indices, strict=True)
    ]
    return replace(pyramid, patches=np.stack(patches) if patches else pyramid.patches)


def apply(patch: Pixels, change: Change, scale: float) -> Pixels:
    """One patch (H, W, 3), changed. scale: level-0 px per px of the patch, for the blur."""
    stained = change_stain(patch, change.stain_gain, change.stain_shift)
    middle = stained.mean()
    lit = (stained - middle) * change.contrast + middle * change.brightness
    sigma = change.blur / scale
    soft = gaussian_filter(lit, (sigma, sigma, 0)) if sigma > 0.1 else lit
    return compress(np.clip(np.round(soft), 0, 255).astype(np.uint8), change.quality)


def change_stain(
    patch: Pixels, gain: tuple[float, float, float], shift: tuple[float, float, float]
) -> NDArray[np.float64]:
    """Multiply and shift haematoxylin, eosin and DAB, (H, W, 3) in 0–255, not rounded.

    Separated by the matrix of Ruifrok and Johnston, 2001 (scikit-image's ``rgb_from_hed``). Gain 1
    and shift 0 change nothing but pure black, which is taken as 1 of 255.
    """
    density = -np.log(np.maximum(patch, 1) / 255)
    stains = density @ hed_from_rgb * np.array(gain) + np.array(shift)
    return np.asarray(255 * np.exp(-(stains @ rgb_from_hed)))


def compress(patch: Pixels, quality: int) -> Pixels:
    """Through JPEG and back."""
    file = io.BytesIO()
    Image.fromarray(patch).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file).convert("RGB"))
