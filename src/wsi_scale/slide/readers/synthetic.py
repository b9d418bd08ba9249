"""Slides that are drawn when read: any size, any level, the same pixels in any window.

As a path: ``synthetic:figures?seed=1&stretch=0.8&width=6000&height=5000`` (all 20 classes),
``synthetic:figures?class=red cross&noise=50`` or ``synthetic:tissue?mpp=0.5&nucleus_um=7``.
"""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import numpy as np
from numpy.typing import NDArray

from wsi_scale.errors import SlideError
from wsi_scale.geometry import Box, Level
from wsi_scale.slide.base import Slide
from wsi_scale.slide.readers._figure_scene import FigureScene
from wsi_scale.slide.readers._noise import NoisyScene
from wsi_scale.slide.readers._scenes import FIGURE_CLASSES as FIGURE_CLASSES
from wsi_scale.slide.readers._scenes import Grid, Scene
from wsi_scale.slide.readers._tissue_scene import TissueScene

NAME = "synthetic"
ORDER = 0
PREFIX = "synthetic:"

MOST_NOISE = 1000
"""Grey levels. With more noise nearly every pixel is black or white."""

_BAND_POINTS = 1 << 22


class SyntheticSlide(Slide):
    """A scene drawn as a pyramid of levels 1, 2, 4, …, at any size."""

    reader = NAME
    reader_reason = "drawn on demand"

    def __init__(
        self,
        scene: Scene,
        width: int,
        height: int,
        *,
        units_per_px: float = 1.0,
        downsamples: tuple[float, ...] | None = None,
        mpp: float | None = None,
        description: str = "synthetic slide",
    ) -> None:
        """Draw ``scene`` over width × height level-0 px.

        units_per_px: scene units per level-0 px; for figures 1 / stretch, for tissue the mpp.
        downsamples: one per level. Default: 1, 2, 4, … until the longer side is about 1 000 px, at
        least five levels.
        """
        if width < 1 or height < 1:
            raise SlideError(f"a slide must be at least 1 × 1 px, got {width} × {height}")
        if not 0 < units_per_px < math.inf:
            raise SlideError(f"a pixel of a slide must be above 0 units wide, got {units_per_px:g}")
        self.path = description
        self.scene = scene
        self.units_per_px = units_per_px
        self.properties = {}
        self.mpp = None if mpp is None else (mpp, mpp)
        self.mpp_source = None if mpp is None else "synthetic.mpp"
        chosen = downsamples or _halvings(max(width, height))
        self.levels = tuple(
            Level(max(1, round(width / d)), max(1, round(height / d)), float(d)) for d in chosen
        )
        self.bounds = Box(0, 0, width, height)

    @classmethod
    def figures(
        cls,
        *,
        seed: int = 0,
        only: int | None = None,
        stretch: float = 1.0,
        width: int = 5000,
        height: int = 5000,
        tile: int = 500,
        noise: float = 0.0,
        grain: int = 1,
        **options: Any,
    ) -> SyntheticSlide:
        """The thesis's figures: the class ``only``, or a mosaic of all 20 classes if it is None.

        stretch: figures are 40 · stretch level-0 px wide, so the right scale of a network trained
        at scale a is a · stretch.
        tile: side of the squares of one class in a mosaic, unstretched px, a multiple of 50.
        noise: standard deviation of Gaussian noise in grey levels. One noise value covers
        ``grain`` × ``grain`` unstretched px (grain 1 or 2).
        """
        if not 50 <= tile <= 5000 or tile % 50:
            raise SlideError(f"the tile of a mosaic must be a multiple of 50 px, got {tile}")
        scene: Scene = FigureScene(seed, only, tile)
        what = "mosaic" if only is None else FIGURE_CLASSES[only]
        name = f"synthetic figures ({what}, seed {seed}, stretch {stretch:g})"
        if tile != 500:
            name = f"{name[:-1]}, tile {tile})"
        if not 0 <= noise <= MOST_NOISE:
            raise SlideError(f"noise must be 0 to {MOST_NOISE} grey levels, got {noise:g}")
        if grain not in (1, 2):
            raise SlideError(f"the grain of noise must be 1 or 2 px, got {grain}")
        if noise:
            scene = NoisyScene(scene, noise, grain, seed)
            name = f"{name[:-1]}, noise {noise:g}, grain {grain})"
        if not 1e-3 <= stretch <= 1e3:
            raise SlideError(
                f"the stretch of a slide must be above 0, from 0.001 to 1000, got {stretch:g}"
            )
        units = 1 / stretch
        return cls(scene, width, height, units_per_px=units, description=name, **options)

    @classmethod
    def tissue(
        cls,
        *,
        seed: int = 0,
        mpp: float = 0.5,
        nucleus_um: float = 7.0,
        width: int = 5000,
        height: int = 5000,
        **options: Any,
    ) -> SyntheticSlide:
        """A texture like tissue with nuclei of ``nucleus_um`` µm, at ``mpp`` µm per level-0 px."""
        if not 0 < mpp <= 1e4:
            raise SlideError(
                f"the mpp of synthetic tissue must be above 0, at most 10000, got {mpp:g}"
            )
        if not 0.1 <= nucleus_um <= 100:
            raise SlideError(f"nuclei must be above 0, from 0.1 to 100 µm wide, got {nucleus_um:g}")
        scene = TissueScene(seed, width * mpp, height * mpp, nucleus_um)
        name = f"synthetic tissue (nuclei {nucleus_um:g} µm, seed {seed})"
        return cls(scene, width, height, units_per_px=mpp, mpp=mpp, description=name, **options)

    def _read(self, level: int, x: int, y: int, width: int, height: int) -> NDArray[np.uint8]:
        units = self.levels[level].downsample * self.units_per_px
        n = max(1, min(self.scene.most_subsamples, math.ceil(units - 1e-9)))
        if units / n > self.scene.coarsest_pitch:
            n = 1  # only mean colours are shown
        out = np.empty((height, width, 3), np.uint8)
        rows = max(1, _BAND_POINTS // (width * n * n))
        for top in range(0, height, rows):
            count = min(rows, height - top)
            grid = Grid(x * n, (y + top) * n, width * n, count * n, units / n)
            fine = self.scene.render(grid).reshape(count, n, width, n, 3)
            # integer sums give the same value however the window is cut
            total = fine.sum(axis=(1, 3), dtype=np.uint32)
            out[top : top + count] = (total + n * n // 2) // (n * n)
        return out

    def close(self) -> None:
        """Do nothing: no file is open."""


def _halvings(longest: int) -> tuple[float, ...]:
    steps = max(4, math.ceil(math.log2(max(1, longest / 1024))))
    return tuple(float(2**k) for k in range(steps + 1) if longest >> k >= 1)


def accepts(source: object) -> bool:
    return isinstance(source, SyntheticSlide) or (
        isinstance(source, str | os.PathLike) and os.fspath(source).startswith(PREFIX)
    )


def open(source: Any) -> Slide:  # noqa: A001 - the name every reader has
    """The slide that a ``synthetic:`` path describes. Raises SlideError for an unknown key."""
    if isinstance(source, SyntheticSlide):
        return source
    text = os.fspath(source)
    kind, _, query = text.removeprefix(PREFIX).partition("?")
    builders: dict[str, Any] = {"figures": SyntheticSlide.figures, "tissue": SyntheticSlide.tissue}
    if kind not in builders:
        raise SlideError(f"{text} names no scene; use synthetic:figures or synthetic:tissue")
    options: dict[str, Any] = {}
    for key, value in parse_qsl(query, keep_blank_values=True):
        options |= _option(text, kind, key, value)
    if not 0 <= options.get("seed", 0) < 1 << 63:
        raise SlideError(f"{text} needs a seed from 0 to 2**63 - 1")
    slide: SyntheticSlide = builders[kind](**options)
    slide.path = text
    return slide


_KEYS: dict[str, dict[str, type]] = {
    "figures": {
        "seed": int,
        "stretch": float,
        "width": int,
        "height": int,
        "mpp": float,
        "tile": int,
        "noise": float,
        "grain": int,
    },
    "tissue": {"seed": int, "mpp": float, "nucleus_um": float, "width": int, "height": int},
}


def _option(text: str, kind: str, key: str, value: str) -> dict[str, Any]:
    if kind == "figures" and key == "class":
        if value not in FIGURE_CLASSES:
            known = ", ".join(FIGURE_CLASSES)
            raise SlideError(f"{text} names an unknown class {value!r}; choose one of {known}")
        return {"only": FIGURE_CLASSES.index(value)}
    if key not in _KEYS[kind]:
        known = ", ".join([*_KEYS[kind], *(["class"] if kind == "figures" else [])])
        raise SlideError(f"{text} has an unknown key {key!r}; choose from {known}")
    try:
        return {key: _KEYS[kind][key](value)}
    except ValueError:
        raise SlideError(f"{text} needs a number for {key}, got {value!r}") from None


def example(folder: Path) -> str:
    return f"{PREFIX}figures?seed=3&width=300&height=250"
