"""The scale at which a picky segmenter recognises most of what it looks for.

A segmenter that in training was shown other scales too, labelled empty, finds nothing there. So how
much of a slide it gives to its class rises towards the right scale and falls beyond it; the middle
of the scales at which it finds at least half as much as at the best is the answer. Only for
networks whose card says so (``selective``): others find as much at many scales, and a network that
was never shown a wrong scale may find most at one.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from wsi_scale.estimators import Answer, Doubt, Options, Scorer, Unavailable
from wsi_scale.estimators.curves import Pool
from wsi_scale.plumbing.arrays import Array
from wsi_scale.responses.record import Responses

NAME = "recognition"
ORDER = 4
NEEDS = "a segmenter that was trained to find nothing at other scales than its own"
EVIDENCE = True
COARSE_TO_FINE = True
STANDS = True
"""Where it is ambiguous no estimator that is trusted less decides, and where it is at the window's
end none answers far from there: enlarged fibres that look like nuclei look like the training data
to the fingerprint, too."""

LEAST_FOUND = 0.02
"""Share of the pixels: one nucleus of 28 µm² in a square of 38 µm. A slide on which no scale gives
that much holds too little of what the network looks for."""

WIDEST = 2.2
"""Octaves between which at least half as much is found: twice the distance from which on the
bundled network was taught that nothing is there. A wider band is no pickiness."""

RIVAL = 0.04
"""A second hill this high, as a share of the best, is a rival. Where the network was right about
real slides the highest had 0.03, strongly sharpened ones apart (0.16); where it was not, because it
took enlarged fibres for nuclei, the right scale still had 0.05 to 0.43."""

_SPREAD = np.array([NormalDist().inv_cdf(q) for q in np.arange(0.5, 199) / 199]) / 1.645
"""Errors of slides of which nine in ten lie within one octave, as if they were Gaussian."""

_FINE = 64  # places an octave at which the curve is read between measured scales


@dataclass(frozen=True)
class Band:
    """The scales at which at least half as much is found as at the best one, in octaves."""

    low: float
    high: float
    best: float
    """Share of the pixels found at the best scale."""
    rival: float | None
    """Another scale at which much is found again, with less between it and the band; or None."""
    cut: float | None
    """The end of the window at which the band is cut off; None where it is whole."""

    @property
    def middle(self) -> float:
        return (self.low + self.high) / 2 if self.cut is None else self.cut


def prepare(responses: Responses, options: Options) -> Scorer:
    """Pool the share of pixels given to the target over the sites."""
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
            errors=error * _SPREAD,
        )

    return score


def band_of(octaves: Array, found: Array) -> Band | None:
    """Around the best of the measured scales; None where nothing is found. The curve is straight
    between them. Below scale 1 pixels are invented: what is found there may widen a band that real
    pixels show, and is none by itself.

    octaves: (S,) log2 of the scales, rising; found: (S,), NaN where nothing was measured.
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
    """(verdict, reason) of everything that speaks against the band."""
    out: list[tuple[Doubt, str]] = []
    if band.best < LEAST_FOUND:
        reason = (
            f"at no scale does the network find what it looks for on more than {band.best:.1%} of "
            f"the pixels, where {LEAST_FOUND:.0%} is the least"
        )
        out.append(("outside", reason))
    if band.high - band.low > WIDEST:
        reason = (
            f"the network finds much the same from scale {2**band.low:.2g} to {2**band.high:.2g}, "
            "though it was trained to find nothing so far from its own"
        )
        out.append(("flat", reason))
    if band.rival is not None:
        reason = (
            f"the network finds what it looks for at two scales, around {2**band.middle:.2g} and "
            f"{2**band.rival:.2g}"
        )
        out.append(("ambiguous", reason))
    return out
