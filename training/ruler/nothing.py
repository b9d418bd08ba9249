"""Pictures in the colours of H&E that show no tissue: what has no µm/px is taught as such."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage

Rng = np.random.Generator
Pixels = NDArray[np.uint8]

COLOURS = np.array(
    [[243, 240, 243], [231, 180, 205], [214, 138, 182], [160, 110, 175], [95, 60, 130]], float
)
"""Glass, two of eosin, two of haematoxylin."""


def draw_nothing(rng: Rng, side: int) -> Pixels:
    """A picture (side, side, 3) of one of four kinds."""
    kind = (cloud, lines, shapes, letters)[int(rng.integers(4))]
    depth = kind(rng, side)
    return paint(rng, depth + rng.normal(0, rng.uniform(0, 0.06), depth.shape))


def paint(rng: Rng, depth: NDArray[np.float64]) -> Pixels:
    """Shades from 0 to 1 in the colours of H&E, in order or shuffled."""
    colours = COLOURS if rng.random() < 0.6 else rng.permutation(COLOURS)
    colours = np.clip(colours + rng.normal(0, 12, colours.shape), 0, 255)
    at = np.clip(depth, 0, 1) * (len(colours) - 1)
    bands = [np.interp(at, np.arange(len(colours)), colours[:, c]) for c in range(3)]
    return np.stack(bands, 2).astype(np.uint8)


def cloud(rng: Rng, side: int) -> NDArray[np.float64]:
    """Noise of every size at once, or of one."""
    noise = sum(
        sigma ** rng.uniform(0, 1.4) * ndimage.gaussian_filter(rng.normal(size=(side, side)), sigma)
        for sigma in rng.choice([0.7, 1.5, 3, 6, 12], int(rng.integers(1, 5)), replace=False)
    )
    return (noise - noise.min()) / np.ptp(noise) * rng.uniform(0.8, 1.4)


def lines(rng: Rng, side: int) -> NDArray[np.float64]:
    """Waves in one direction, or the product of two."""
    y, x = np.mgrid[:side, :side]
    waves = []
    for _ in range(int(rng.integers(1, 3))):
        turn, period = rng.uniform(0, np.pi), 2 ** rng.uniform(1.5, 5)
        phase = 2 * np.pi * (x * np.cos(turn) + y * np.sin(turn)) / period
        waves.append((1 + np.sin(phase + rng.uniform(0, 6) + np.sin(y / period))) / 2)
    return np.prod(waves, axis=0) ** rng.uniform(0.5, 3)


def shapes(rng: Rng, side: int) -> NDArray[np.float64]:
    """Polygons and ellipses with sharp edges, of any size."""
    image = Image.new("L", (side, side), int(rng.integers(0, 90)))
    pen = ImageDraw.Draw(image)
    size = side * rng.uniform(0.03, 0.5)
    for _ in range(int(rng.integers(4, 60))):
        x, y = rng.uniform(0, side, 2)
        shade = int(rng.integers(0, 256))
        if rng.random() < 0.5:
            around = rng.normal(0, size / 2, (int(rng.integers(3, 7)), 2))
            pen.polygon([(x + dx, y + dy) for dx, dy in around], fill=shade)
        else:
            across, down = size * rng.uniform(0.3, 1, 2)
            pen.ellipse((x, y, x + across, y + down), fill=shade)
    return np.asarray(image) / 255


def letters(rng: Rng, side: int) -> NDArray[np.float64]:
    """Rows of text."""
    image = Image.new("L", (side, side), int(rng.integers(0, 60)))
    pen, high = ImageDraw.Draw(image), float(rng.uniform(6, 30))
    alphabet = list("abcdefghijklmnopqrstuvwxyzABCDEFGHIKLMNOPRSTUVWXYZ0123456789 .,-")
    for row in range(int(side / high) + 1):
        text = "".join(rng.choice(alphabet, 40))
        pen.text((-5, row * high * 1.2), text, fill=int(rng.integers(140, 256)), font_size=high)
    return np.asarray(image) / 255
