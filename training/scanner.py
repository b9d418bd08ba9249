"""Stains a drawn field and scans it, as differently as laboratories and scanners do."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from scipy.ndimage import gaussian_filter
from tissue import Field, Rng

HAEMATOXYLIN = np.array([0.65, 0.70, 0.29])
EOSIN = np.array([0.12, 0.93, 0.30])
BLOOD = np.array([0.15, 0.75, 0.62])
"""Optical densities of red, green and blue, about those of Ruifrok and Johnston, 2001."""


def stain(field: Field, rng: Rng) -> NDArray[np.float32]:
    """(h, w, 3) transmitted light, 0–1."""
    planes = (field.haematoxylin, field.eosin, field.blood)
    strength = np.exp(rng.normal([0.55, 0.3, 0.2], [0.35, 0.45, 0.3]))
    density = np.zeros((*planes[0].shape, 3), np.float32)
    for plane, vector, factor in zip(planes, (HAEMATOXYLIN, EOSIN, BLOOD), strength, strict=True):
        shade = np.clip(vector + rng.normal(0, 0.07, 3), 0.02, None)
        density += plane[..., None] * (1.5 * factor * shade / np.linalg.norm(shade)).astype("f4")
    glass = np.abs(rng.normal(0, 0.04)) + np.abs(rng.normal(0, 0.02, 3))
    return np.exp(-(density + glass.astype("f4")))


def scan(light: NDArray[np.float32], pitch: float, rng: Rng) -> NDArray[np.uint8]:
    """(h, w, 3) uint8: optics, sensor and JPEG, at the same pitch (µm per px)."""
    blur = rng.choice([rng.uniform(0.1, 0.6), rng.uniform(0.6, 1.2)], p=[0.85, 0.15]) / pitch
    seen = gaussian_filter(light, (blur, blur, 0))
    seen = np.clip(seen, 1e-4, 1) ** np.exp(rng.normal(0, 0.15))
    seen = 0.5 + (seen - 0.5) * np.exp(rng.normal(0, 0.08)) + rng.normal(0, 0.03)
    seen += rng.normal(0, rng.uniform(0, 0.015), seen.shape[:2])[..., None].astype("f4")
    image = Image.fromarray((np.clip(seen, 0, 1) * 255).round().astype(np.uint8))
    if rng.random() < 0.4:
        image = image.filter(ImageFilter.UnsharpMask(1.0, int(rng.integers(30, 150)), 0))
    if rng.random() < 0.8:
        file = io.BytesIO()
        image.save(file, "JPEG", quality=int(rng.integers(40, 96)))
        image = Image.open(file)
    return np.asarray(image)


def resample(image: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """To ``side`` px: averaged where that is a whole share, as native levels are, else bicubic."""
    whole = image.shape[0] % side == 0
    kind = Image.Resampling.BOX if whole else Image.Resampling.BICUBIC
    return np.asarray(Image.fromarray(image).resize((side, side), kind))
