"""The interface that every slide has, whatever its format."""

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
from wsi_scale.slide.read_plan import AS_STORED, Shrinking
from wsi_scale.slide.reading import shrink_level

WHITE = (255, 255, 255)


class Slide(ABC):
    """An open slide: RGB levels of one image, from fine to coarse.

    ``open_slide`` makes one. Use it in a ``with`` block, or call ``close``. A reader sets the
    attributes below in ``__init__`` and implements ``_read`` and ``close``.

    Examples
    --------
    >>> from wsi_scale import open_slide
    >>> with open_slide("synthetic:figures?width=800&height=600") as slide:
    ...     [(level.width, level.height) for level in slide.levels[:2]]
    [(800, 600), (400, 300)]
    """

    path: str
    """Path of the file; for arrays and drawn slides a short description."""
    reader: str
    """Name of the reader, e.g. ``openslide``."""
    reader_reason: str = ""
    """Why this reader was chosen: one clause for ``wsi-scale info``."""
    levels: tuple[Level, ...]
    """Level 0 (finest) first."""
    mpp: tuple[float, float] | None = None
    """Micrometres per level-0 pixel (x, y); None if the slide does not state it. Never assumed."""
    mpp_source: str | None = None
    """The field that mpp was taken from, e.g. ``aperio.MPP``; None if mpp is None."""
    audit: tuple[Finding, ...] = ()
    """Everything the file states about its resolution, and how each statement was judged."""
    notes: tuple[str, ...] = ()
    """What a user should know about how the file was read, a clause each; for example which of its
    images is the slide."""
    objective_power: float | None = None
    """Nominal magnification of the objective, e.g. 20.0; None if the slide does not state it."""
    properties: Mapping[str, str]
    """Every property in the file, as text."""
    background: tuple[int, int, int] = WHITE
    """RGB of pixels outside the slide and of pixels that the scanner left out."""
    colour_px: int = 1
    """Sides of the squares of px, at every level, that share one stored colour: 2 in a JPEG with
    halved colours, 1 if the file does not say."""
    bounds: Box
    """Where the slide has pixels, level-0 px; the whole canvas unless the file states otherwise."""

    @abstractmethod
    def _read(self, level: int, x: int, y: int, width: int, height: int) -> NDArray[np.uint8]:
        """RGB pixels, (height, width, 3), of a window that lies wholly inside the level.

        x, y, width, height: px of that level.
        """

    @abstractmethod
    def close(self) -> None:
        """Release the file. Closing twice is harmless.

        Examples
        --------
        >>> from wsi_scale import open_slide
        >>> slide = open_slide("synthetic:figures?width=800&height=600")
        >>> slide.close()
        """

    def read(self, level: int, x: int, y: int, width: int, height: int) -> NDArray[np.uint8]:
        """Pixels of a window in level px (OpenSlide's ``read_region`` takes x, y in level-0 px).

        Parameters
        ----------
        level : int
            Index into ``levels``; 0 is the finest.
        x, y : int
            Left and top edge of the window, px of that level, over the whole canvas.
        width, height : int
            Size of the window, px of that level. It may reach beyond the level.

        Returns
        -------
        numpy.ndarray
            RGB, (height, width, 3) uint8. What lies outside the level is ``background``.

        Raises
        ------
        SlideError
            When there is no such level, the window is not in whole px or is empty, or the file
            cannot be decoded there.

        Examples
        --------
        >>> from wsi_scale import open_slide
        >>> with open_slide("synthetic:figures?width=800&height=600") as slide:
        ...     slide.read(1, x=0, y=0, width=100, height=50).shape
        (50, 100, 3)
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

    @property
    def shrinking(self) -> Shrinking:
        """Smaller sizes at which all levels can be decoded, cheaper than whole."""
        return AS_STORED

    def read_shrunk(
        self, level: int, x: int, y: int, width: int, height: int, shrink: int
    ) -> NDArray[np.uint8]:
        """A window at one of the sizes of ``shrinking``, wholly inside the level.

        Parameters
        ----------
        level : int
            Index into ``levels``.
        x, y, width, height : int
            The window, px of that level as ``read`` takes them; multiples of ``shrink``.
        shrink : int
            Side of the squares of px that become one.

        Returns
        -------
        numpy.ndarray
            RGB, (height // shrink, width // shrink, 3) uint8. Each px lies on the first of its
            square.

        Raises
        ------
        SlideError
            When the file cannot be decoded there.

        Examples
        --------
        >>> from wsi_scale import open_slide
        >>> with open_slide("synthetic:figures?width=800&height=600") as slide:
        ...     slide.read_shrunk(0, x=0, y=0, width=100, height=50, shrink=2).shape
        (25, 50, 3)
        """
        return self.read(level, x, y, width, height)[::shrink, ::shrink]

    def thumbnail(self, max_px: int) -> NDArray[np.uint8]:
        """The whole canvas, shrunk to at most ``max_px`` pixels along its longer side.

        It is made from the coarsest level that is large enough. A large level is read in bands, so
        memory is bounded.

        Parameters
        ----------
        max_px : int
            Longest side allowed, px. A smaller canvas is not enlarged.

        Returns
        -------
        numpy.ndarray
            RGB, (h, w, 3) uint8.

        Raises
        ------
        SlideError
            When the file cannot be decoded.

        Examples
        --------
        >>> from wsi_scale import open_slide
        >>> with open_slide("synthetic:figures?width=800&height=600") as slide:
        ...     slide.thumbnail(100).shape
        (75, 100, 3)
        """
        longest = max(self.levels[0].width, self.levels[0].height)
        shrink = max(1.0, longest / max_px)
        width = max(1, math.floor(self.levels[0].width / shrink + 1e-9))
        height = max(1, math.floor(self.levels[0].height / shrink + 1e-9))
        return shrink_level(self, width, height)

    @property
    def has_coarser_levels(self) -> bool:
        """True if the slide has more than one level."""
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
