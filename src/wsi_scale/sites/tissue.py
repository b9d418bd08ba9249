"""Finds tissue in a small picture of a slide."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.filters import threshold_otsu

from wsi_scale.plumbing.arrays import Array, Mask

_DARK = 40.0  # brightest channel below this: unlit
_GLASS_LIGHT, _GLASS_CHROMA = 190.0, 28.0  # glass is at least this bright and at most this coloured
_STAIN = (10.0, 26.0)  # bounds of the step from glass to stain, grey levels
_RIM = 4  # pixels between padding and glass, mixed by blur
_SHINE = (5.0, 24.0)  # bounds of the step from unlit to lit, grey levels


def tissue_mask(thumbnail: NDArray[np.uint8]) -> Mask:
    """True where a picture shows tissue.

    In bright field, tissue is darker or more coloured than glass. If no glass is in view, all that
    is not white counts, so a picture full of tissue is all True. In dark field (fluorescence),
    tissue is what shines. Specks are dropped and small holes filled. Bare glass and plain black are
    all False. An even colour is not, because it may hide texture.

    Parameters
    ----------
    thumbnail : numpy.ndarray
        RGB, (h, w, 3) uint8.

    Returns
    -------
    numpy.ndarray
        bool, (h, w).

    Examples
    --------
    >>> picture = np.full((100, 100, 3), 240, np.uint8)  # glass
    >>> picture[20:60, 30:80] = 200, 120, 170  # tissue
    >>> mask = tissue_mask(picture)
    >>> bool(mask[40, 50]), bool(mask[90, 90])
    (True, False)
    """
    rgb = ndimage.gaussian_filter(thumbnail.astype(np.float64), (1, 1, 0))
    mask = _shining(rgb) if is_dark_field(rgb) else _stained(rgb)
    return _tidy(mask)


def is_dark_field(rgb: Array) -> bool:
    """True if the background is black: there is much black, and no glass with stained tissue."""
    dark = _highest(rgb) < _DARK
    glass = _looks_like_glass(rgb)
    if dark.mean() < 0.2 or dark.mean() < glass.mean():
        return False
    lit = ~dark
    coloured = lit & (_highest(rgb) - _lowest(rgb) > _GLASS_CHROMA)
    # in a bright-field scan padded with black, much of the lit part is glass, and some is stained
    padded = glass.sum() > 0.3 * lit.sum() and coloured.sum() > 0.02 * lit.sum()
    return not padded


def _looks_like_glass(rgb: Array) -> Mask:
    low = _lowest(rgb)
    return np.asarray((low > _GLASS_LIGHT) & (_highest(rgb) - low < _GLASS_CHROMA))


def _lowest(rgb: Array) -> Array:
    """(h, w) lowest channel; several times faster than ``min`` over an axis of three."""
    return np.asarray(np.minimum(np.minimum(rgb[..., 0], rgb[..., 1]), rgb[..., 2]))


def _highest(rgb: Array) -> Array:
    """(h, w) highest channel."""
    return np.asarray(np.maximum(np.maximum(rgb[..., 0], rgb[..., 1]), rgb[..., 2]))


def find_light(rgb: Array) -> Array:
    """(3,) colour of the light through glass; white if no glass is in view."""
    glass = _looks_like_glass(rgb)
    light = np.full(3, 255.0)
    return np.percentile(rgb[glass], 75, axis=0) if glass.mean() > 0.01 else light


def _stained(rgb: Array) -> Mask:
    """Bright field: True where some channel is far enough below glass."""
    stain = _highest(find_light(rgb) - rgb)
    return np.asarray((stain > _step(stain, _STAIN)) & ~_padding(rgb))


def _shining(rgb: Array) -> Mask:
    """Dark field: True far enough above the background; as square roots: dim parts count."""
    peak = _highest(rgb)
    shine = np.sqrt(np.clip(peak - np.percentile(peak, 5), 0, None))
    low, high = (math.sqrt(bound) for bound in _SHINE)
    return np.asarray(shine > _step(shine, (low, high)))


def _step(values: Array, bounds: tuple[float, float]) -> float:
    """Otsu's threshold, within bounds. Without them it would split a picture full of tissue."""
    cut: float = threshold_otsu(values)  # type: ignore[no-untyped-call, unused-ignore]
    return min(max(float(cut), bounds[0]), bounds[1])


def _padding(rgb: Array) -> Mask:
    """Pixels that the scanner left out: black that reaches the edge, and its blurred rim."""
    labels, count = ndimage.label(_highest(rgb) < 6)
    if count == 0:
        return np.zeros(labels.shape, bool)
    rim = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    touching = np.zeros(count + 1, bool)
    touching[np.unique(rim)] = True
    touching[0] = False
    return np.asarray(ndimage.binary_dilation(touching[labels], iterations=_RIM))


def _tidy(mask: Mask) -> Mask:
    """The mask with close parts joined, specks dropped and small holes filled."""
    reach = max(2.0, 0.008 * max(mask.shape))
    speck = max(4, round(5e-5 * mask.size))
    solid = _without_small(mask, speck)
    if not solid.any():
        return solid
    rim = math.ceil(reach) + 1
    framed = np.pad(solid, rim, mode="edge")
    grown = ndimage.distance_transform_edt(~framed) <= reach
    closed = ndimage.distance_transform_edt(grown) > reach
    solid |= closed[rim:-rim, rim:-rim]
    return ~_without_small(~solid, round(0.005 * mask.size))


def _without_small(mask: Mask, pixels: int) -> Mask:
    """The mask without connected parts of fewer pixels."""
    labels, _ = ndimage.label(mask)
    large = np.bincount(labels.ravel()) >= pixels
    large[0] = False
    return np.asarray(large[labels])
