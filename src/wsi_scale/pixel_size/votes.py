"""Votes of many patches of one slide, made into one distribution over its µm/px."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from wsi_scale.plumbing.arrays import Array

LOW, HIGH, STEP = -2.4, 2.6, 0.1
"""Octaves: log2 µm/px of the first and the last bin, and from bin to bin."""

CENTRES: Array = np.round(np.arange(LOW, HIGH + STEP / 2, STEP), 4)
"""(B,) log2 µm/px of the bins: 0.19 to 6.1 µm/px."""

TAUGHT = (-2.1, 2.2)
"""log2 µm/px between which the network was taught anything: 0.23 to 4.6. What it says beyond is
only "beyond"."""

TRUSTED, REACH = (-0.5, 0.5), 0.35
"""log2 µm/px between which it was taught the most tissues, 0.71 to 1.4. Outside, a patch of an
unknown tissue is read as one of another size. And how many octaves are asked of a slide that does
not reach there."""

WEIGHT, FLOOR = 10.0, 0.05
"""Of all votes together, in votes, because those of one slide err alike; and the share of them that
may be plainly wrong."""

GUESSES: Array = np.round(np.arange(-4.5, 2.55, STEP), 4)
"""(G,) log2 µm/px that a slide may have: 0.044 to 5.7."""

MOSTLY = 0.5
"""Share of the votes that lies beyond what was taught, from which on there is only a bound."""

_TINY = 1e-9
_ROUNDING = 1e-6


@dataclass(frozen=True)
class Votes:
    """What the network said of V patches of one slide."""

    shares: Array
    """(V, B) log of each bin's share."""
    octaves: Array
    """(V,) log2 of the scale of each patch, level-0 px per patch px."""

    def at(self, kept: Array) -> Votes:
        """Those of a mask or of positions."""
        return Votes(self.shares[kept], self.octaves[kept])


@dataclass(frozen=True)
class SizeReading:
    """What all votes say together, and what speaks against it. All in octaves."""

    octaves: float
    """log2 µm/px: the median of the fused distribution."""
    spread: float
    """Standard deviation of the fused distribution."""
    scatter: float
    """Median distance of the votes that count from the answer."""
    rough: float
    """log2 µm/px by all votes, whatever scale they are from."""
    slope: float | None
    """How the reading of a patch rises with its scale: 1 if the network reads sizes. None if the
    slide has no room for an octave of scales."""
    used: int
    """How many votes counted."""
    bound: Literal["finer", "coarser"] | None = None
    """Whether the slide lies beyond what can be read; ``octaves`` is then the bound."""


def fuse(votes: Votes) -> Array:
    """(G,) shares of the guesses: the product of all votes, each raised to the same power.

    A guess and the scale of a patch say where in its bins to look.
    """
    shares = _beyond_counted(votes.shares)
    at = np.round((GUESSES[None] + votes.octaves[:, None] - CENTRES[0]) / STEP).astype(int)
    found = np.take_along_axis(shares, np.clip(at, 0, len(CENTRES) - 1), 1)
    support = np.logaddexp(np.log1p(-FLOOR) + found, np.log(FLOOR / len(CENTRES)))
    total = min(1.0, WEIGHT / len(found)) * support.sum(0)
    plain = np.exp(total - total.max())
    return np.asarray(plain / plain.sum())


def middle(shares: Array) -> float:
    """The guess with half of the shares on either side."""
    return float(np.interp(0.5, np.cumsum(shares) - shares / 2, GUESSES))


def trusted(votes: Votes, rough: float) -> Array:
    """Which votes count if the slide has 2**rough µm/px: those of patches in TRUSTED, or in the
    nearest REACH octaves that there are. (V,) bool."""
    scale = rough + votes.octaves
    low = min(TRUSTED[0], scale.max() - REACH)
    high = max(TRUSTED[1], scale.min() + REACH)
    return np.asarray((scale >= low) & (scale <= high))


def read_votes(votes: Votes) -> SizeReading | None:
    """All votes say roughly what it is; then only those count that are to be trusted there.

    None without a vote.
    """
    if not len(votes.octaves):
        return None
    rough = middle(fuse(votes))
    at, kept = rough, votes
    for _ in range(2):
        kept = votes.at(trusted(votes, at))
        shares = fuse(kept)
        at = middle(shares)
    mean = float((shares * GUESSES).sum())
    spread = float(np.sqrt((shares * (GUESSES - mean) ** 2).sum() + STEP**2 / 12))
    single = medians(kept.shares) - kept.octaves
    scatter = float(np.median(np.abs(single - at)))
    bound, end = beyond(kept)
    return SizeReading(
        at if bound is None else end,
        spread,
        scatter,
        rough,
        slope(votes, at),
        len(kept.octaves),
        bound,
    )


def beyond(kept: Votes) -> tuple[Literal["finer", "coarser"] | None, float]:
    """Whether the votes say no more than "beyond what was taught", and log2 µm/px of that bound.

    Patches of a small picture of fine pixels are all finer than anything that was taught.
    """
    low, high = (round((end - CENTRES[0]) / STEP) for end in TAUGHT)
    plain = np.exp(kept.shares)
    if plain[:, :low].sum(1).mean() > MOSTLY:
        return "finer", TAUGHT[0] - float(kept.octaves.max())
    if plain[:, high + 1 :].sum(1).mean() > MOSTLY:
        return "coarser", TAUGHT[1] - float(kept.octaves.min())
    return None, 0.0


def medians(shares: Array) -> Array:
    """(V,) median of each vote, log2 µm/px of its patch."""
    plain = np.exp(shares)
    heaped = np.cumsum(plain, 1) - plain / 2
    return np.array([np.interp(0.5, row, CENTRES) for row in heaped])


def slope(votes: Votes, at: float) -> float | None:
    """Of the votes' medians against the octaves of their patches, by the median of all pairs of
    octaves; None where less than an octave was read."""
    scale = at + votes.octaves
    inside = (scale > TAUGHT[0] + 0.3) & (scale < TAUGHT[1] - 0.3)
    steps, read = np.unique(votes.octaves[inside].round(3)), medians(votes.shares[inside])
    if len(steps) < 2 or np.ptp(steps) < 1 - _ROUNDING:
        return None
    each = [np.median(read[votes.octaves[inside].round(3) == step]) for step in steps]
    i, j = np.triu_indices(len(steps), 1)
    far = steps[j] - steps[i] > 0.5
    rises = (np.array(each)[j] - np.array(each)[i])[far] / (steps[j] - steps[i])[far]
    return float(np.median(rises))


def _beyond_counted(shares: Array) -> Array:
    """The shares with everything beyond TAUGHT made one: the mean of the last three bins there."""
    low, high = (round((end - CENTRES[0]) / STEP) for end in TAUGHT)
    kept, plain = shares.copy(), np.exp(shares)
    kept[:, :low] = np.log(plain[:, low : low + 3].mean(1, keepdims=True) + _TINY)
    kept[:, high + 1 :] = np.log(plain[:, high - 2 : high + 1].mean(1, keepdims=True) + _TINY)
    return kept
