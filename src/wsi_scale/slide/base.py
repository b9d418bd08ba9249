"""The one interface through which every slide is read."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from wsi_scale.errors import SlideError
from wsi_scale.geometry import Box, Level
from wsi_scale.slide.metadata import Finding
from wsi_scale.slide.reading import shrink_level

WHITE = (255, 255, 255)


class Slide(ABC):
    """A pyramid of RGB levels in one frame of reference.

    Readers set the attributes below in ``__init__`` and implement ``_read`` and ``close``.
    """

    path: str
    """Where it came from; for arrays and synthetic slides a short description."""
    reader: str
    """Name of the reader, e.g. ``openslide``."""
    reader_reason: str = ""
    """Why this reader was chosen, as one clause for ``wsi-scale info``."""
    levels: tuple[Level, ...]
    """Level 0 (finest) first."""
    mpp: tuple[float, float] | None = None
    """Micrometres per level-0 pixel (x, y); None when the slide does not say. Never assumed."""
    mpp_source: str | None = None
    """The field mpp was taken from, e.g. ``aperio.MPP``; None when mpp is None."""
    audit: tuple[Finding, ...] = ()
    """Everything the file says about its resolution and what was made of it."""
    objective_power: float | None = None
    """Nominal magnification of the objective, e.g. 20.0; None when the slide does not say."""
    properties: Mapping[str, str]
    """Every vendor property, as text."""
    background: tuple[int, int, int] = WHITE
    """Colour of pixels outside the slide and of pixels the scanner left out."""
    bounds: Box
    """Where the scanner put pixels, level-0 px; the whole canvas unless the file says otherwise."""

    @abstractmethod
    def _read(self, level: int, x: int, y: int, width: int, height: int) -> NDArray[np.uint8]:
        """(height, width, 3) uint8 of a window that lies wholly inside the level."""

    @abstractmethod
    def close(self) -> None:
        """Release files. Closing twice is harmless."""

    def read(self, level: int, x: int, y: int, width: int, height: int) -> NDArray[np.uint8]:
        """Pixels of one native level, (height, width, 3) uint8 RGB.

        x, y, width, height: whole pixels of THAT level over the whole canvas. What lies outside
        the level is background. Raises SlideError for a level the slide does not have, a window
        that is not whole numbers, or a region the file cannot decode.
        """
        if not 0 <= level < len(self.levels):
            raise SlideError(f"{self.path} has levels 0 to {len(self.levels) - 1}, not {level}")
        if not all(isinstance(v, int | np.integer) for v in (x, y, width, height)):
            raise SlideError(f"a window must be in whole pixels, got {(x, y, width, height)}")
        if width < 1 or height < 1:
            raise SlideError(f"a window must be at least 1 × 1 px, got {width} × {height}")
        have = self.levels[level]
        left, top = max(0, x), max(0, y)
        right, bottom = min(have.width, x + width), min(have.height, y + height)
        if (left, top, right, bottom) == (x, y, x + width, y + height):
            return self._read(level, int(x), int(y), int(width), int(height))
        out = np.empty((height, width, 3), np.uint8)
        out[:] = self.background
        if right > left and bottom > top:
            inside = self._read(level, int(left), int(top), int(right - left), int(bottom - top))
            out[top - y : bottom - y, left - x : right - x] = inside
        return out

    def thumbnail(self, max_px: int) -> NDArray[np.uint8]:
        """The whole canvas, (h, w, 3) uint8, its longer side at most max_px pixels.

        Reads the coarsest level that is still at least as large, in bands, so memory is bounded.
        """
        longest = max(self.levels[0].width, self.levels[0].height)
        shrink = max(1.0, longest / max_px)
        width = max(1, math.floor(self.levels[0].width / shrink + 1e-9))
        height = max(1, math.floor(self.levels[0].height / shrink + 1e-9))
        return shrink_level(self, width, height)

    @property
    def has_coarser_levels(self) -> bool:
        return len(self.levels) > 1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
