"""The scales between which the network predicts nearly the same as at the answer."""

from __future__ import annotations

import numpy as np

from wsi_scale.estimators.curves import Pool
from wsi_scale.plumbing.arrays import Array
from wsi_scale.responses.record import Responses


def steady_band(responses: Responses, scale: float, share: float) -> tuple[float, float]:
    """Scales around ``scale`` between which at most ``share`` of the predictions change.

    The change is half the sum of the absolute differences of the class shares from those at
    ``scale``. Class shares are averaged over sites, and interpolated linearly in octaves between
    measured scales. For a segmenter the change is relative to what it finds at ``scale``, because
    background is most of a slide at every scale.

    Parameters
    ----------
    responses : Responses
        What the network answered; its class shares are used.
    scale : float
        Level-0 px per network px.
    share : float
        Share of the predictions that may change, 0 to 1.

    Returns
    -------
    tuple of float
        Low and high end, both included, in level-0 px per network px; ``scale`` lies between them.

    Examples
    --------
    A fifth of the predictions changes an octave away, so a tenth changes half an octave away:

    >>> from types import SimpleNamespace
    >>> from wsi_scale.geometry import ScaleGrid, Site
    >>> responses = SimpleNamespace(
    ...     grid=ScaleGrid((1.0, 2.0, 4.0)),
    ...     sites=(Site(0, 0),),
    ...     share=np.array([[[0.7, 0.3], [0.9, 0.1], [0.7, 0.3]]]),
    ...     on_grid=lambda values: values,
    ...     task="classify",
    ...     input_size=96,
    ... )
    >>> low, high = steady_band(responses, 2.0, 0.1)
    >>> round(low, 2), round(high, 2)
    (1.41, 2.83)
    """
    shares = responses.on_grid(responses.share)
    segments = responses.task == "segment"
    if segments:
        shares = shares[..., np.unique(responses.target)]
    pooled = Pool(shares).mean(np.ones(len(responses.sites)))
    known = np.isfinite(pooled).all(axis=1)
    octaves, pooled = np.log2(np.array(responses.grid.scales))[known], pooled[known]
    home = float(np.clip(np.log2(scale), octaves[0], octaves[-1]))
    here = np.array([np.interp(home, octaves, of_class) for of_class in pooled.T])
    least = 1 / (responses.input_size**2 * len(responses.sites))  # one pixel
    off = pooled - here
    changed = (
        np.abs(off).sum(axis=1) + np.abs(off.sum(axis=1))
    ) / 2  # the last term: everything else
    changed /= max(here.sum(), least) if segments else 1.0
    above, below = octaves > home, octaves < home
    high = home + _reach(np.r_[0, octaves[above] - home], np.r_[0, changed[above]], share)
    low = home - _reach(
        np.r_[0, home - octaves[below][::-1]], np.r_[0, changed[below][::-1]], share
    )
    return min(float(2**low), scale), max(float(2**high), scale)


def _reach(octaves: Array, changed: Array, share: float) -> float:
    """Octaves up to which ``changed`` stays within ``share``; linear between scales."""
    beyond = np.flatnonzero(changed > share)
    if len(beyond) == 0:
        return float(octaves[-1])
    first = int(beyond[0])
    part = (share - changed[first - 1]) / (changed[first] - changed[first - 1])
    return float(octaves[first - 1] + part * (octaves[first] - octaves[first - 1]))
