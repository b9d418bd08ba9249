"""What can be shown of a network at work, as plain arrays; without torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from wsi_scale.geometry import Site
from wsi_scale.plumbing.arrays import Array

Statistic = Literal["mean", "spread"]

Way = Literal["score", "response"]
"""How channels are chosen: by what they added to the fingerprint's score, or by how much their
response changes."""

HIDDEN_PARTS = "hidden parts"
"""Where a map comes from if no gradient can be taken: parts of the patch were hidden in turn."""


@dataclass(frozen=True)
class ScaleView:
    """One patch of the site that is shown, and what the network made of it."""

    scale: float
    """Level-0 px per network px."""
    is_answer: bool
    """Whether this is the scale that was found."""
    patch: NDArray[np.uint8]
    """(H, H, 3) as the network saw it."""
    heat: NDArray[np.float32] | None
    """(h, w) in 0–1, coarser than the patch: where the target's score comes from. All 0 if nothing
    speaks for the target. None if there is no map."""
    found: NDArray[np.bool_] | None
    """(h, w) where a segmenter predicts the target; None for a classifier."""
    share: float
    """Probability of the target; for a segmenter, its share of the pixels."""


@dataclass(frozen=True)
class ExcitedPatch:
    """A patch to which a channel responds strongly."""

    site: Site
    scale: float
    """One of the measured scales."""
    is_answer: bool
    """Whether of the three scales this is the one nearest to the scale found."""
    response: float
    """The channel's mean over the patch, or its spread within it, as it was measured."""
    patch: NDArray[np.uint8]
    """(H, H, 3)."""
    where: NDArray[np.bool_] | None
    """(h, w) the tenth of the patch where the channel responds most; None if it has no pixels."""


@dataclass(frozen=True)
class TellingChannel:
    """One channel of the network, over scale."""

    layer: str
    """Dotted name of the module."""
    index: int
    """Number of the channel, from 0."""
    statistic: Statistic
    """``mean``: the mean response; ``spread``: the standard deviation over all patches."""
    weight: float
    """Its share, 0–1, of the difference that the score makes between the scale found and the wrong
    ones (chosen by score); or the change of its response, in standard deviations (by response)."""
    curve: Array
    """(S,) the statistic over all sites at the measured scales; NaN where nothing was measured."""
    low: Array
    """(S,) lower quartile over the sites; NaN for a spread."""
    high: Array
    """(S,) upper quartile over the sites; NaN for a spread."""
    trained: float | None
    """Value in training: 0 for a mean, 1 for a spread, then the curve is in units of the stored
    standard deviation. None if the network stores none, then it is in units of the network."""
    patches: tuple[ExcitedPatch, ...]
    """Strongest first, each of another site."""


@dataclass(frozen=True)
class Explanation:
    """What a network saw at three scales, and which of its channels tell them apart.

    ``look_inside`` makes one; ``wsi_scale.render.inside`` draws it.
    """

    site: Site
    """Where the views lie: of the sites on which all three fit, the one at which the network gives
    the target most."""
    target: str
    """Name of the class that is explained."""
    task: str
    """``classify`` or ``segment``."""
    answer: float | None
    """The scale found; None if the run has no answer."""
    views: tuple[ScaleView, ...]
    """Finest first, usually three."""
    map_from: str
    """Where the maps come from: the name of a layer, or HIDDEN_PARTS."""
    way: Way
    scales: Array
    """(S,) all scales that were measured, rising."""
    channels: tuple[TellingChannel, ...]
    """Those that weighed most first, each of another layer if there are enough. Chosen because they
    differ, so that they differ is no evidence."""
    why_no_channels: str = ""
    """One clause, if there are none."""
