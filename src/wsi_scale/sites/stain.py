"""Finds H&E-stained tissue in a picture, without pen marks, folds and other stains.

Everything is judged from optical density, −log(light / glass), because stains add up in it
(Beer–Lambert; Ruifrok and Johnston, Analytical and Quantitative Cytology and Histology, 2001). The
shares of red, green and blue in the density show the stain of a pixel, however strong it is.
Haematoxylin has about (0.40, 0.43, 0.18), eosin (0.09, 0.69, 0.22), red cells (0.10, 0.49, 0.41),
DAB (0.17, 0.35, 0.48), grey (1/3, 1/3, 1/3). Both stains of H&E absorb green most and blue least,
which few other things do that are scanned or photographed. How well the numbers below work is
measured in benchmarks/results/tissue_first.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from wsi_scale.plumbing.arrays import Array, Mask, Pixels
from wsi_scale.sites.tissue import find_light, is_dark_field

_STAINS = np.array([[0.65, 0.70, 0.29], [0.10, 0.95, 0.28]])  # densities of haematoxylin, eosin
_STROKE = 0.003  # share of the picture's longer side: half the width of the finest pen mark or fold
_RIM = 0.008  # share of that side: how far a pen mark blurs or bleeds

STAINED = 0.2
"""Least total density of a stained pixel. In paler pixels the colour is mostly noise."""

GREEN_OVER_BLUE = 0.45
"""Least 2·green − blue in H&E: grey has 0.33, DAB 0.22, skin at most 0.37, haematoxylin at least
0.69."""

RED_OVER_BLUE = 0.36
"""Most red − blue in H&E: haematoxylin has 0.22, in the bluest laboratory 0.3, blue ink 0.45."""

PURE = 0.9
"""Most green, and most blue as a share of green: no stain absorbs one colour of light alone, and
neither stain absorbs as much blue as green."""

MIXABLE_SHARE = 0.5
"""Least share of the stained pixels of an H&E slide that have the colours of H&E."""

MIXABLE_BESIDE_INK = 0.35
"""The same share if ink counts too: pen marks cover at most two thirds."""

ALIKE = 0.1
"""Least correlation of neighbouring pixels. White noise has 0. Tissue has over 0.5 if nuclei are
visible, and still 0.12 at 8 µm per pixel, where each pixel is a nucleus or not."""

BROWN = 0.2
"""Least share of brown pixels for the second stain to look like DAB."""

MOST_INK_BESIDE_BROWN = 0.1
"""With more ink than this share of the stained pixels, brown next to blue is not taken for DAB: the
picture simply has many colours."""

DAB = (
    "the second stain looks like DAB (brown), not eosin, and this network was not trained on DAB; "
    "check its masks"
)

FOLD, FOLD_DENSITY, MOST_FOLDED = 1.6, 1.2, 0.15
"""A fold doubles both stains, apart from blur, so it has over FOLD times the stain around it. It is
dark: its density is over FOLD_DENSITY. Folds are rare: at most MOST_FOLDED of the tissue."""

FEWEST = 50
"""With fewer stained pixels the stain cannot be judged."""


@dataclass(frozen=True)
class Judged:
    """The parts of a picture that a network for H&E may be shown."""

    mask: Mask
    """(h, w) tissue without ink and folds; all tissue if it was refused."""
    refusal: str = ""
    """Why this is not H&E, as a clause; empty if it is."""
    warnings: tuple[str, ...] = ()
    """One sentence each, for the report."""


def judge_picture(picture: Pixels, tissue: Mask, *, folds: bool = True) -> Judged:
    """Whether the tissue in an RGB picture (h, w, 3) uint8 is H&E, and which part of it to use.

    tissue: (h, w) pixels to judge; others do not count.
    folds: whether to search for folds. If single cells are visible, clumps of them look like folds.
    """
    rgb = ndimage.gaussian_filter(picture.astype(np.float64), (1, 1, 0))
    if rgb.max() < 40:
        return Judged(tissue, "it is black everywhere")
    if is_dark_field(rgb):
        return Judged(tissue, "its background is dark, as in fluorescence")
    shares, density = _absorbed(rgb)
    ink = tissue & find_ink(shares, density)
    stained = tissue & ~ink & (density > STAINED)
    if stained.sum() < FEWEST:
        what = (
            "everything but glass has the colour of ink"
            if ink.any()
            else "nothing in it is stained"
        )
        return Judged(tissue, what)
    refusal, warnings = _judge_colours(shares[stained], int((ink & (density > STAINED)).sum()))
    if not refusal and _neighbours_alike(picture, stained) < ALIKE:
        refusal = "its pixels are unlike their neighbours, as in noise"
    if refusal:
        return Judged(tissue, refusal)
    kept = tissue & ~ink
    return Judged(kept & ~find_folds(shares, density, kept) if folds else kept, "", warnings)


def _absorbed(rgb: Array) -> tuple[Array, Array]:
    """Shares of red, green and blue in the density, (h, w, 3), and the total density, (h, w)."""
    density = np.clip(-np.log((rgb + 1) / (find_light(rgb) + 1)), 0, None)
    total = density.sum(axis=2)
    return density / np.maximum(total, 1e-6)[..., None], total


def _mixable(shares: Array) -> Mask:
    """True for colours that are a mixture of haematoxylin, eosin and red cells."""
    red, green, blue = np.moveaxis(shares, -1, 0)
    possible = (2 * green - blue >= GREEN_OVER_BLUE) & (red - blue <= RED_OVER_BLUE)
    return np.asarray(possible & (green <= PURE) & (blue <= PURE * green))


def _judge_colours(shares: Array, ink: int) -> tuple[str, tuple[str, ...]]:
    """(refusal, warnings) from the colours of stained pixels, (N, 3); ink: number of ink pixels."""
    mixable = _mixable(shares)
    red, green, blue = shares.T
    brown = (blue > 0.38) & (blue > green)
    clean = ink <= MOST_INK_BESIDE_BROWN * len(shares)
    if clean and brown.mean() >= BROWN and (mixable | brown).mean() >= 0.8:
        counterstained = (mixable & (red > 0.34)).mean() >= 0.02
        if counterstained or mixable.mean() >= MIXABLE_SHARE:
            return "", (DAB,)
    of_all = mixable.sum() / (len(mixable) + ink)
    if mixable.mean() >= MIXABLE_SHARE and of_all >= MIXABLE_BESIDE_INK:
        return "", ()
    return f"only {of_all:.0%} of its colours can be mixed from haematoxylin and eosin", ()


def _neighbours_alike(picture: Pixels, mask: Mask) -> float:
    """Correlation of brightness between horizontal neighbours."""
    light = picture.astype(np.float64).mean(axis=2)
    both = mask[:, 1:] & mask[:, :-1]
    left, right = light[:, :-1][both], light[:, 1:][both]
    if left.size < FEWEST or min(left.std(), right.std()) < 1:
        return 1.0
    return float(np.corrcoef(left, right)[0, 1])


def find_ink(shares: Array, density: Array) -> Mask:
    """Pen marks and their rims, (h, w): areas in colours that stained tissue does not have."""
    red, green, blue = np.moveaxis(shares, -1, 0)
    green_or_cyan = (red > 0.38) & (green < 0.7 * red) & (density > 0.5)
    blues = ((red - blue > RED_OVER_BLUE) & (density > 1)) | ((red > 0.46) & (density > 2))
    black = (np.ptp(shares, axis=-1) < 0.08) & (density > 3)
    reds = (red < 0.08) & (blue > 0.75 * green) & (density > 2.5)  # red cells are paler
    yellow = (blue > 0.6) & (density > 0.5)
    broad = _opened(green_or_cyan | blues | black | reds | yellow, _STROKE * max(density.shape))
    return _grown(broad, _RIM * max(density.shape))


def find_folds(shares: Array, density: Array, tissue: Mask) -> Mask:
    """Folded tissue, (h, w): narrow areas where both stains are well above the tissue around.

    Dense tissue has more of one stain only, or is wide. If too much would count as folded, nothing
    does.
    """
    nothing = np.zeros(tissue.shape, bool)
    if not tissue.any():
        return nothing
    side = max(tissue.shape)
    folded = density > FOLD_DENSITY
    for stain in np.moveaxis((shares * density[..., None]) @ np.linalg.pinv(_STAINS), -1, 0):
        soft = ndimage.gaussian_filter(stain, 1.5 * _STROKE * side)
        folded &= soft > FOLD * np.maximum(_around(soft, tissue), 0.05)
    folds = _grown(_opened(folded & tissue, _STROKE * side), 3 * _STROKE * side)
    return folds if (folds & tissue).sum() <= MOST_FOLDED * tissue.sum() else nothing


def _around(plane: Array, tissue: Mask) -> Array:
    """Median over the tissue around each pixel, within about a seventh of the picture's width."""
    step = max(1, max(plane.shape) // 96)
    small = np.where(tissue, plane, np.median(plane[tissue]))[::step, ::step]
    wide = ndimage.median_filter(small, size=15, mode="nearest")
    rows, columns = (np.arange(n) // step for n in plane.shape)
    return np.asarray(wide[rows][:, columns])


def _opened(mask: Mask, radius: float) -> Mask:
    """The mask without parts narrower than twice the radius (px), with a square as the probe."""
    side = 2 * max(1, round(radius)) + 1
    core = ndimage.minimum_filter(mask.view(np.uint8), side, mode="nearest")
    return np.asarray(ndimage.maximum_filter(core, side, mode="nearest"), bool)


def _grown(mask: Mask, radius: float) -> Mask:
    """The mask, grown by the radius (px) with a square."""
    side = 2 * max(1, round(radius)) + 1
    return np.asarray(ndimage.maximum_filter(mask.view(np.uint8), side, mode="nearest"), bool)
