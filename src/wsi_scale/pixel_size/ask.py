"""Shows the ruler's network patches of a slide, at many places and scales."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from wsi_scale.errors import SlideError
from wsi_scale.geometry import ScaleGrid, Site, reach
from wsi_scale.networks.on_processor import most_at_once
from wsi_scale.pixel_size.votes import CENTRES, TRUSTED, Votes, fuse, middle
from wsi_scale.sites.choose import place_sites
from wsi_scale.sites.overview import Survey
from wsi_scale.slide.base import Slide
from wsi_scale.slide.pyramid import sample_pyramid

SIDES = (128, 96, 64)
"""px of a patch: the largest that the slide has room for."""

COUNT = 16
"""Sites."""

COARSEST = 4.0
"""log2 of the coarsest scale: 16 level-0 px per patch px."""

FIRST, THEN = 1.0, 0.2
"""Octaves between scales: at first over all of them, then only where votes are trusted."""

PALE, LEAST_TISSUE = 225, 0.25
"""A pixel brighter than this is glass; a patch with less tissue than this says nothing."""

_BATCH = 32


class TissueVotes:
    """The votes of a slide so far; more can be asked for."""

    def __init__(self, slide: Slide, found: Survey, net: nn.Module, seed: int) -> None:
        self.slide, self.net = slide, net
        side = min(slide.bounds.width, slide.bounds.height)
        widest = min(0.9 * side, SIDES[0] * 2**COARSEST)
        self.sites = place_sites(
            slide, found, COUNT, seed=seed, window_px=widest, min_window_px=SIDES[-1]
        )
        self._asked: set[float] = set()
        self.votes = Votes(np.zeros((0, len(CENTRES))), np.zeros(0))
        self.problems: dict[Site, str] = {}
        """Why a place could not be read, at some scale."""

    def at_all_scales(self) -> None:
        """Ask at scales far apart, up to the coarsest."""
        self._at(np.arange(0, COARSEST + 0.01, FIRST))

    def where_trusted(self) -> None:
        """Ask at scales close together, where patches have the µm/px that the network knows best
        if the votes so far are right."""
        if not len(self.votes.octaves):
            return
        rough = middle(fuse(self.votes))
        steps = np.arange(0, COARSEST + 0.01, THEN)
        low, high = TRUSTED[0] - rough, TRUSTED[1] - rough
        chosen = steps[(steps >= low) & (steps <= high)]
        self._at(chosen if len(chosen) else steps[: round(0.4 / THEN) + 1])

    def _at(self, octaves: NDArray[np.float64]) -> None:
        fresh = [round(float(x), 3) for x in octaves if round(float(x), 3) not in self._asked]
        self._asked.update(fresh)
        by_side: dict[int, list[tuple[NDArray[np.uint8], float]]] = defaultdict(list)
        for site in self.sites:
            for side, some in _sides(self.slide, site, fresh):
                try:
                    for patch, octave in _patches(self.slide, site, some, side):
                        by_side[side].append((patch, octave))
                except SlideError as error:
                    self.problems[site] = str(error)
        for _, found in sorted(by_side.items()):
            shares = show(self.net, np.stack([patch for patch, _ in found]))
            self.votes = Votes(
                np.concatenate([self.votes.shares, shares]),
                np.concatenate([self.votes.octaves, [octave for _, octave in found]]),
            )


def _sides(slide: Slide, site: Site, octaves: Sequence[float]) -> Iterator[tuple[int, list[float]]]:
    """The octaves at which a patch of each side fits around the site, and no larger one."""
    left = list(octaves)
    for side in SIDES:
        room = reach(slide.bounds, site, side) * 1.0001
        fits = [octave for octave in left if 2**octave <= room]
        left = [octave for octave in left if octave not in fits]
        if fits:
            yield side, fits


def _patches(
    slide: Slide, site: Site, octaves: Sequence[float], side: int
) -> Iterator[tuple[NDArray[np.uint8], float]]:
    """Patches (side, side, 3) around the site that show tissue, with their octaves."""
    grid = ScaleGrid(tuple(float(2**octave) for octave in sorted(octaves)))
    pyramid = sample_pyramid(slide, site, grid, size=side)
    for index, patch in zip(pyramid.indices, pyramid.patches, strict=True):
        if tissue_share(patch) >= LEAST_TISSUE:
            yield patch, float(np.log2(grid.scales[index]))


def tissue_share(pixels: NDArray[np.uint8]) -> float:
    """Share of (h, w, 3) pixels that are not glass."""
    return float((pixels.mean(2) < PALE).mean())


@torch.no_grad()
def show(net: nn.Module, patches: NDArray[np.uint8]) -> NDArray[np.float64]:
    """(V, B) log shares of the bins for patches (V, side, side, 3)."""
    device = next(net.parameters()).device
    shares = []
    batch = most_at_once(_BATCH, device)
    for start in range(0, len(patches), batch):
        some = torch.from_numpy(np.ascontiguousarray(patches[start : start + batch]))
        seen = some.to(device).permute(0, 3, 1, 2).float() / 255
        shares.append(torch.log_softmax(net(seen), 1).cpu().double().numpy())
    return np.concatenate(shares)
