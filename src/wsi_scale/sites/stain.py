"""What of a picture is H&E: stained tissue, without pen, folds and other people's colours.

All is told from optical density, −log(light / glass), in which stains add up (Beer–Lambert;
Ruifrok and Johnston, Analytical and Quantitative Cytology and Histology, 2001). The shares of red,
green and blue in it say what a pixel was stained with, however strongly. Haematoxylin lies at
about (0.40, 0.43, 0.18), eosin at (0.09, 0.69, 0.22), red cells at (0.10, 0.49, 0.41), DAB at
(0.17, 0.35, 0.48), grey at (1/3, 1/3, 1/3). Both stains take green above all and blue least, which
little else does that is scanned or photographed. How well the numbers below do is measured in
benchmarks/results/tissue_first.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from wsi_scale.plumbing.arrays import Array, Mask, Pixels
from wsi_scale.sites.tissue import find_light, is_dark_field

_STAINS = np.array([[0.65, 0.70, 0.29], [0.10, 0.95, 0.28]])  # densities of haematoxylin, eosin
_STROKE = 0.003  # of the picture's longer side: half the width of the finest pen mark or fold
_RIM = 0.008  # of that side: how far a pen mark blurs or bleeds

STAINED = 0.2
"""Summed density from which a pixel has a colour to speak of; paler ones are mostly noise."""

GREEN_OVER_BLUE = 0.45
"""Least 2·green − blue: grey has 0.33, DAB 0.22, skin at most 0.37, haematoxylin 0.69 and more."""

RED_OVER_BLUE = 0.36
"""Most red − blue: haematoxylin has 0.22, in the bluest of laboratories 0.3, blue ink 0.45."""

PURE = 0.9
"""No stain takes one colour of light alone, and none takes as much blue as green: most green, and
most blue as a share of green."""

MIXABLE_SHARE = 0.5
"""An H&E slide has at least this share of its stained pixels in the colours of H&E."""

MIXABLE_BESIDE_INK = 0.35
"""And at least this share when ink counts too: pen covers no more than two thirds."""

ALIKE = 0.1
"""Least correlation of neighbouring pixels: white noise has 0; tissue has over 0.5 where nuclei
show, and still 0.12 at 8 µm per pixel, where each pixel is a nucleus or none."""

BROWN = 0.2
"""From this share of brown pixels on, the second stain looks like DAB."""

MOST_INK_BESIDE_BROWN = 0.1
"""With more ink than this share of the rest, brown beside blue is a picture of many colours."""

DAB = (
    "the second stain looks like DAB (brown), not eosin, and this network was not trained on DAB; "
    "check its masks"
)

FOLD, FOLD_DENSITY, MOST_FOLDED = 1.6, 1.2, 0.15
"""A fold doubles both stains, less what blur takes of it; it is dark; and folds are rare."""

FEWEST = 50
"""With fewer stained pixels there is nothing to judge by."""


@dataclass(frozen=True)
class Judged:
    """A picture as a network for H&E should see it."""

    mask: Mask
    """(h, w) tissue without ink and folds."""
    refusal: str = ""
    """Why this is no H&E, a clause; empty where it is."""
    warnings: tuple[str, ...] = ()


def judge_picture(picture: Pixels, tissue: Mask, *, folds: bool = True) -> Judged:
    """Whether the tissue of an RGB picture (h, w, 3) uint8 is H&E, and what of it to look at.

    tissue: (h, w), where there is something at all; colours elsewhere do not count.
    folds: whether to look for folds; where single cells show, clumps of them look like folds.
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
    """(h, w, 3) shares of red, green and blue in the density, summing to 1, and (h, w) its sum."""
    density = np.clip(-np.log((rgb + 1) / (find_light(rgb) + 1)), 0, None)
    total = density.sum(axis=2)
    return density / np.maximum(total, 1e-6)[..., None], total


def _mixable(shares: Array) -> Mask:
    """Which colours haematoxylin, eosin and red cells can make together."""
    red, green, blue = np.moveaxis(shares, -1, 0)
    possible = (2 * green - blue >= GREEN_OVER_BLUE) & (red - blue <= RED_OVER_BLUE)
    return np.asarray(possible & (green <= PURE) & (blue <= PURE * green))


def _judge_colours(shares: Array, ink: int) -> tuple[str, tuple[str, ...]]:
    """(refusal, warnings) by the colours of the stained pixels, (N, 3), beside pixels of ink."""
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
    """Correlation of the light of pixels side by side."""
    light = picture.astype(np.float64).mean(axis=2)
    both = mask[:, 1:] & mask[:, :-1]
    left, right = light[:, :-1][both], light[:, 1:][both]
    if left.size < FEWEST or min(left.std(), right.std()) < 1:
        return 1.0
    return float(np.corrcoef(left, right)[0, 1])


def find_ink(shares: Array, density: Array) -> Mask:
    """Pen marks, (h, w): patches in colours that stained tissue does not have, and their rims."""
    red, green, blue = np.moveaxis(shares, -1, 0)
    green_or_cyan = (red > 0.38) & (green < 0.7 * red) & (density > 0.5)
    blues = ((red - blue > RED_OVER_BLUE) & (density > 1)) | ((red > 0.46) & (density > 2))
    black = (np.ptp(shares, axis=-1) < 0.08) & (density > 3)
    reds = (red < 0.08) & (blue > 0.75 * green) & (density > 2.5)  # red cells are paler
    yellow = (blue > 0.6) & (density > 0.5)
    broad = _opened(green_or_cyan | blues | black | reds | yellow, _STROKE * max(density.shape))
    return _grown(broad, _RIM * max(density.shape))


def find_folds(shares: Array, density: Array, tissue: Mask) -> Mask:
    """Tissue lying double, (h, w): both stains well above the tissue around it, in a narrow patch.

    A dense part of the tissue has more of one stain, or is wide; where much would count as folded,
    nothing is.
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
    """The median over the tissue around each pixel, as wide as about a seventh of the picture."""
    step = max(1, max(plane.shape) // 96)
    small = np.where(tissue, plane, np.median(plane[tissue]))[::step, ::step]
    wide = ndimage.median_filter(small, size=15, mode="nearest")
    rows, columns = (np.arange(n) // step for n in plane.shape)
    return np.asarray(wide[rows][:, columns])


def _opened(mask: Mask, radius: float) -> Mask:
    """The mask without what is narrower than twice the radius, px, as a square measures it."""
    side = 2 * max(1, round(radius)) + 1
    core = ndimage.minimum_filter(mask.view(np.uint8), side, mode="nearest")
    return np.asarray(ndimage.maximum_filter(core, side, mode="nearest"), bool)


def _grown(mask: Mask, radius: float) -> Mask:
    """The mask and what lies within the radius, px, of it, as a square measures it."""
    side = 2 * max(1, round(radius)) + 1
    return np.asarray(ndimage.maximum_filter(mask.view(np.uint8), side, mode="nearest"), bool)
