"""The scale at which a selective segmenter recognises most of what it was trained to find.

In training, such a segmenter was also shown other scales, labelled empty, so it finds nothing
there. The share of a slide that it gives to its class rises towards the right scale and falls
beyond it. The answer is the middle of the scales at which it finds at least half of its maximum.
Only for networks whose card says so (``selective``). Others find as much at many scales, and a
network that was never shown a wrong scale may find most at one.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from wsi_scale.estimators.contract import Answer, Doubt, Options, Scorer, Unavailable
from wsi_scale.estimators.curves import Pool
from wsi_scale.plumbing.arrays import Array
from wsi_scale.responses.record import Responses

NAME = "recognition"
ORDER = 4
NEEDS = "a segmenter that was trained to find nothing at other scales than its own"
EVIDENCE = True
COARSE_TO_FINE = True
STANDS = True
"""If this estimator is in doubt, less trusted estimators must not be ``ok`` in its place. Enlarged
fibres that look like nuclei also look like the training data to the fingerprint."""

LEAST_FOUND = 0.02
"""Share of the pixels, equal to one nucleus of 28 µm² in a square of 38 µm. If no scale gives that
much, the slide holds too little of what the network was trained to find."""

WIDEST = 2.2
"""Widest band, in octaves, in which at least half of the maximum is found. It is twice the distance
from which the bundled network was taught to find nothing. A wider band means that the network is
not selective."""

RIVAL = 0.04
"""A second hill this high, as a share of the best, is a rival. On real slides where the network was
right, the second hill had at most 0.03 (0.16 on strongly sharpened slides). Where it took enlarged
fibres for nuclei, the right scale still had 0.05 to 0.43."""

_SPREAD = np.array([NormalDist().inv_cdf(q) for q in np.arange(0.5, 199) / 199]) / 1.645
"""Errors as if they were Gaussian and nine in ten slides lay within one octave."""

_FINE = 64  # points per octave at which the curve is read between measured scales


@dataclass(frozen=True)
class Band:
    """The scales at which at least half of the maximum is found, as log2."""

    low: float
    high: float
    best: float
    """Share of the pixels found at the best scale."""
    rival: float | None
    """Another scale, as log2, at which much is found, with less between it and the band; or None.
    """
    cut: float | None
    """The end of the window, as log2, that cuts the band off; None if the band is whole."""

    @property
    def middle(self) -> float:
        return (self.low + self.high) / 2 if self.cut is None else self.cut


def prepare(responses: Responses, options: Options) -> Scorer:
    """Average the share of pixels given to the target over the sites."""
    error = options.selective
    if error is None:
        raise Unavailable("the network was not trained to find nothing at other scales")
    if responses.task != "segment":
        raise Unavailable("the network does not segment")
    pool = Pool(responses.target_shares())
    scales = np.array(responses.grid.scales)

    def score(weights: Array) -> Answer:
        found = pool.mean(weights)
        band = band_of(np.log2(scales), found)
        if band is None:
            return Answer(score=found, scale=None)
        return Answer(
            score=found,
            scale=float(np.clip(2**band.middle, scales[0], scales[-1])),
            doubts=tuple(doubts_of(band)),
            errors=errors_of(error),
        )

    return score


def errors_of(selective: float) -> Array:
    """(199,) errors, in octaves, of a network whose card says ``selective``.

    >>> round(float(np.quantile(np.abs(errors_of(0.3)), 0.9)), 2)
    0.3
    """
    return selective * _SPREAD


def band_of(octaves: Array, found: Array) -> Band | None:
    """The band around the best of the measured scales; None if nothing is found.

    octaves: (S,) log2 of the scales, rising; found: (S,), NaN where nothing was measured. The curve
    is straight between measured scales. Below scale 1 pixels are invented: what is found there may
    widen a band that real pixels show, but does not make one.
    """
    known = np.isfinite(found)
    if not known.any():
        return None
    octaves, found = octaves[known], found[known]
    places = np.linspace(octaves[0], octaves[-1], max(2, round(_FINE * np.ptp(octaves)) + 1))
    curve = np.interp(places, octaves, found)
    real = places >= min(0.0, octaves[-1])
    top = int(np.where(real, curve, -1.0).argmax())
    while top > 0 and curve[top - 1] > curve[top]:
        top -= 1
    if curve[top] <= 0:
        return None
    enough = curve >= curve[top] / 2
    gaps = np.flatnonzero(~enough)
    first = int(gaps[gaps < top].max(initial=-1)) + 1
    last = int(gaps[gaps > top].min(initial=len(curve))) - 1
    least = np.concatenate(
        [
            np.minimum.accumulate(curve[first::-1])[::-1][:-1],
            curve[first : last + 1],
            np.minimum.accumulate(curve[last:])[1:],
        ]
    )  # between here and the band
    again = enough | (curve >= np.maximum(RIVAL * curve[top], 2 * least))
    again[first : last + 1] = False
    elsewhere = np.flatnonzero(again & real)
    rival = None if not len(elsewhere) else float(places[elsewhere[curve[elsewhere].argmax()]])
    cut = None
    if first == 0 or last == len(curve) - 1:
        cut = float(places[0] if first == 0 else places[-1])
    return Band(float(places[first]), float(places[last]), float(curve[top]), rival, cut)


def doubts_of(band: Band) -> list[tuple[Doubt, str]]:
    """(verdict, reason) for everything that speaks against the band."""
    out: list[tuple[Doubt, str]] = []
    if band.best < LEAST_FOUND:
        reason = (
            "the network finds what it was trained to find on at most "
            f"{band.best:.1%} of the pixels at any scale; {LEAST_FOUND:.0%} is needed"
        )
        out.append(("outside", reason))
    if band.high - band.low > WIDEST:
        reason = (
            f"the network finds at least half of its maximum from scale {2**band.low:.2g} to "
            f"{2**band.high:.2g}, although it was trained to find nothing that far from its own "
            "scale"
        )
        out.append(("flat", reason))
    if band.rival is not None:
        reason = (
            "the network finds what it was trained to find at two scales, around "
            f"{2**band.middle:.2g} and {2**band.rival:.2g}"
        )
        out.append(("ambiguous", reason))
    return out
