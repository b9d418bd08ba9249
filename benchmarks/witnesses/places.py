"""What the witnesses are asked about: images of 16 sites, or bundles of small ones, a site each.

All that one source gives counts as one source in every table: its images err alike.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass

import numpy as np
from benchmarks.witnesses.roster import KIN, Witness
from benchmarks.witnesses.tissue import TissueImage
from numpy.typing import NDArray
from PIL import Image

from wsi_scale.errors import WsiScaleError
from wsi_scale.geometry import ScaleGrid, Site
from wsi_scale.sites.choose import choose_sites
from wsi_scale.slide.pyramid import Pyramid, sample_pyramid
from wsi_scale.slide.readers import open_slide

SITES, PER_OCTAVE, OCTAVES = 16, 4, 3.0
LARGE = 900
"""px of the shorter side: from here on an image is a slide of its own."""
FACTORS = (1.0, 1.6, 0.6)
"""By which the images of one question are resampled, by turns."""
LEAST_BEYOND = 0.4
"""Octaves of window above the right scale for which there must be room."""


@dataclass(frozen=True)
class Place:
    """One question's images."""

    name: str
    source: str
    images: tuple[TissueImage, ...]


@dataclass(frozen=True)
class Question:
    """One place, at one resampling, in one window; ``truth`` is in level-0 px per network px."""

    place: Place
    truth: float
    factor: float
    lo: float
    hi: float


def places_for(witness: Witness, images: list[TissueImage], own: bool = False) -> list[Place]:
    """Places of sources that are no kin of what the witness was taught; or its own sources."""
    by_source: dict[str, list[TissueImage]] = defaultdict(list)
    for image in images:
        kin = KIN.get(image.source, image.source) in witness.kin
        if image.source in witness.sources if own else not kin:
            by_source[image.source].append(image)
    found = []
    for source, members in sorted(by_source.items()):
        large = [x for x in members if min(x.pixels.shape[:2]) >= LARGE]
        found += [Place(f"{source} {x.path.stem[:24]}", source, (x,)) for x in large]
        small = [x for x in members if min(x.pixels.shape[:2]) < LARGE]
        small.sort(key=lambda x: -min(x.pixels.shape[:2]))
        bundles = min(2, len(small) // 8)
        for number in range(bundles):
            chosen = tuple(small[number::bundles][:SITES])
            found.append(Place(f"{source} bundle {number}", source, chosen))
    return found


def question(witness: Witness, place: Place, turn: int, size: int) -> Question | None:
    """None if the images have no room for the witness's scale."""
    factor = FACTORS[turn % 3]
    mpp = float(np.median([x.mpp for x in place.images]))
    truth = witness.mpp / mpp * factor
    room = sorted(min(x.pixels.shape[:2]) * factor for x in place.images)
    room_px = room[len(room) // 2] if len(room) > 1 else room[0] * 0.6
    top = 0.98 * room_px / size
    if top < truth * 2**LEAST_BEYOND or truth < 0.7:
        return None
    rng = np.random.default_rng([witness.seed, 3, turn])
    away = -rng.uniform(0.4, 0.9) if turn % 2 else rng.uniform(0.4, 0.7)
    centre = truth * 2**away
    lo, hi = centre / 2 ** (OCTAVES / 2), centre * 2 ** (OCTAVES / 2)
    return Question(place, truth, factor, max(lo, 0.35), min(hi, top))


def resampled(pixels: NDArray[np.uint8], factor: float) -> NDArray[np.uint8]:
    if factor == 1:
        return pixels
    size = round(pixels.shape[1] * factor), round(pixels.shape[0] * factor)
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC))


def pyramids(asked: Question, size: int) -> tuple[list[Pyramid], list[NDArray[np.uint8]]]:
    """SITES pyramids, and the resampled images that they were cut from."""
    octaves = math.log2(asked.hi / asked.lo)
    grid = ScaleGrid(tuple(np.geomspace(asked.lo, asked.hi, round(octaves * PER_OCTAVE) + 1)))
    found, seen = [], []
    for image in asked.place.images:
        pixels = resampled(image.pixels, asked.factor)
        seen.append(pixels)
        with open_slide(pixels) as slide:
            alone = len(asked.place.images) == 1
            sites = [Site(pixels.shape[1] / 2, pixels.shape[0] / 2)]
            if alone:
                try:
                    sites = choose_sites(
                        slide,
                        SITES,
                        seed=0,
                        window_px=asked.hi * size,
                        min_window_px=2 * asked.lo * size,
                    )
                except WsiScaleError:
                    return [], []
            cut = [sample_pyramid(slide, site, grid, size=size) for site in sites]
            found += [one for one in cut if len(one.indices)]
    return found, seen
