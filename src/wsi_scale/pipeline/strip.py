"""A strip of patches around an answer: what the network saw at each scale, and what it found."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion

from wsi_scale.geometry import ScaleGrid, Site, reach
from wsi_scale.pipeline.run import Run
from wsi_scale.responses.record import Responses
from wsi_scale.slide.base import Slide
from wsi_scale.slide.pyramid import sample_pyramid

if TYPE_CHECKING:
    from wsi_scale.networks.network import Network

OUTLINE = (255, 230, 0)
"""Yellow: neither stain has it, and it differs from purple also for colour-blind readers."""

LARGER = 2
"""Outlined pictures are this many times as wide, so that the line stays thin."""


def cut_strip(
    slide: Slide, site: Site, grid: ScaleGrid, size: int, *, nearest: float | None, count: int = 7
) -> list[tuple[float, NDArray[np.uint8]]]:
    """Patches of one site at scales spread over the grid, as the network saw them.

    nearest: a scale that is shown exactly; it replaces the one closest to it.
    Returns up to ``count`` pairs (scale, (size, size, 3) uint8), finest first.
    """
    fits = [scale for scale in grid.scales if scale <= reach(slide.bounds, site, size)]
    if not fits:
        return []
    wished = list(np.geomspace(fits[0], fits[-1], count)) if len(fits) > 1 else fits
    if nearest is not None and nearest <= fits[-1]:
        wished[int(np.argmin(np.abs(np.log(np.array(wished) / nearest))))] = nearest
    scales = ScaleGrid(tuple(sorted({float(scale) for scale in wished})))
    pyramid = sample_pyramid(slide, site, scales, size=size)
    return [
        (scales.scales[index], patch)
        for index, patch in zip(pyramid.indices, pyramid.patches, strict=True)
    ]


def show(
    run: Run, responses: Responses, scale: float | None
) -> list[tuple[float, NDArray[np.uint8]]]:
    """A strip of patches around the answer. A segmenter's strip lies where it finds most, with what
    it finds outlined. Raises SlideError when a region cannot be decoded."""
    site = telling_site(responses, scale)
    return outlined(
        run.network, cut_strip(run.slide, site, run.grid, run.input_size, nearest=scale)
    )


def telling_site(responses: Responses, scale: float | None) -> Site:
    """The site where a segmenter found most, at the measured scale nearest to ``scale``; the first
    site for a classifier, or without a scale."""
    if responses.task != "segment" or scale is None:
        return responses.sites[0]
    found = responses.target_shares()
    octaves = np.abs(np.log2(np.array(responses.grid.scales) / scale))
    octaves[~np.isfinite(found).any(axis=0)] = np.inf
    return responses.sites[int(np.nanargmax(found[:, int(octaves.argmin())]))]


def outlined(
    network: Network, strip: Sequence[tuple[float, NDArray[np.uint8]]]
) -> list[tuple[float, NDArray[np.uint8]]]:
    """(scale, patch) with a line around everything a segmenter found in it, twice as large.

    A classifier's patches come back as they are.
    """
    from wsi_scale.networks.predictions import found_in

    if network.task != "segment" or not strip:
        return list(strip)
    masks = found_in(network, np.stack([patch for _, patch in strip]))
    return [
        (scale, draw_outline(patch, mask))
        for (scale, patch), mask in zip(strip, masks, strict=True)
    ]


def is_outlined(pictures: Iterable[NDArray[np.uint8]]) -> bool:
    """Whether one of the pictures has such an outline."""
    return any((picture == OUTLINE).all(axis=-1).any() for picture in pictures)


def draw_outline(patch: NDArray[np.uint8], found: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """A square patch (H, H, 3), enlarged ``LARGER`` times, with a mask's outline; the mask may be
    coarser than the patch."""
    side = patch.shape[0] * LARGER
    large = patch.repeat(LARGER, axis=0).repeat(LARGER, axis=1)
    places = np.arange(side) * found.shape[0] // side
    mask = found[places[:, None], places[None, :]]
    large[mask & ~binary_erosion(mask, border_value=1)] = OUTLINE
    return large
