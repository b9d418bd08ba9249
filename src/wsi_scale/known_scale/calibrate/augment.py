"""Changes stain, light, focus and JPEG quality, as scanners and laboratories do; scale is kept."""

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
    """Limits of the changes. Each pyramid draws once, so all its scales change in the same way."""

    stain: float = 0.1
    """Haematoxylin, eosin and DAB are each multiplied by up to 1 ± this and shifted by up to ± a
    tenth of it. The default lies between the light (0.05) and strong (0.2) jitter of Tellez et al.,
    Medical Image Analysis 2019 (arXiv 1902.06543)."""
    light: float = 0.1
    """Brightness and contrast are each multiplied by up to 1 ± this."""
    blur: float = 1.0
    """Largest σ of the Gaussian blur, in level-0 px; the smallest is 0."""
    quality: tuple[int, int] = (60, 95)
    """Lowest and highest JPEG quality, both included."""


@dataclass(frozen=True)
class Change:
    """One draw."""

    stain_gain: tuple[float, float, float]
    stain_shift: tuple[float, float, float]
    brightness: float
    contrast: float
    blur: float
    """σ in level-0 px."""
    quality: int


def draw(jitter: Jitter, rng: np.random.Generator) -> Change:
    """One change, drawn from uniform distributions."""
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
    """The same pyramid, changed in the same way at all scales."""
    change = draw(jitter, rng)
    patches = [
        apply(patch, change, pyramid.grid.scales[index])
        for patch, index in zip(pyramid.patches, pyramid.indices, strict=True)
    ]
    return replace(pyramid, patches=np.stack(patches) if patches else pyramid.patches)


def apply(patch: Pixels, change: Change, scale: float) -> Pixels:
    """One changed patch (H, W, 3). scale: level-0 px per px of the patch, for the blur."""
    stained = change_stain(patch, change.stain_gain, change.stain_shift)
    middle = stained.mean()
    lit = (stained - middle) * change.contrast + middle * change.brightness
    sigma = change.blur / scale
    soft = gaussian_filter(lit, (sigma, sigma, 0)) if sigma > 0.1 else lit
    return compress(np.clip(np.round(soft), 0, 255).astype(np.uint8), change.quality)


def change_stain(
    patch: Pixels, gain: tuple[float, float, float], shift: tuple[float, float, float]
) -> NDArray[np.float64]:
    """Multiply and shift haematoxylin, eosin and DAB; (H, W, 3) in 0–255, not rounded.

    The stains are separated by the matrix of Ruifrok and Johnston, 2001 (scikit-image's
    ``rgb_from_hed``). Gain 1 and shift 0 change only pure black, which counts as 1 of 255.
    """
    density = -np.log(np.maximum(patch, 1) / 255)
    stains = density @ hed_from_rgb * np.array(gain) + np.array(shift)
    return np.asarray(255 * np.exp(-(stains @ rgb_from_hed)))


def compress(patch: Pixels, quality: int) -> Pixels:
    """The patch after JPEG compression at this quality."""
    file = io.BytesIO()
    Image.fromarray(patch).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file).convert("RGB"))
