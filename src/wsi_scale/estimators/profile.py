"""The scale that a profile reads from every patch; calibration made it at known scales.

The profile maps the responses to one patch to octaves from the right scale. So each patch of a
pyramid votes for a scale, and the weighted median is the answer. A vote's weight is how well the
profile did on similar patches. Two checks decide whether the answer is believed: along a pyramid
the map must rise as log2(scale) does, and the responses must lie close to those of calibration.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wsi_scale.errors import SettingsError
from wsi_scale.estimators.contract import Answer, Doubt, Options, Scorer, Unavailable
from wsi_scale.estimators.curves import weighted_median
from wsi_scale.estimators.profile_file import Profile
from wsi_scale.plumbing.arrays import Array
from wsi_scale.responses.record import PLAIN, Responses

NAME = "profile"
ORDER = 5
NEEDS = "a profile of this network, made by wsi-scale calibrate"
EVIDENCE = True
COARSE_TO_FINE = True

LEAST_SLOPE = 0.5
"""Along a pyramid, the map must rise at least half as fast as log2(scale)."""

STRANGER = 1.5
"""A slide may lie at most this many times as far from the reference as its strangest image did when
it was left out."""

FEWEST_CASES = 15
"""A reference of fewer images, each of a case of its own, never gives ``ok``: its errors on images
left out are too few to know how far one in ten answers is off."""

FEWEST_SOURCES = 3
"""A reference from fewer folders never gives ``ok``: images of one laboratory err alike, and how
far another's are off shows only where whole laboratories are left out."""

AS_WELL = 1.25
"""An untrained copy reads as well if its median error is at most this many times the network's."""

LEAST_TRUE = 0.5
"""Octaves. If the median error on images left out is larger, the profile reads no scale from this
network."""


@dataclass(frozen=True)
class Reading:
    """What a profile reads from every patch."""

    votes: Array
    """(R,) log2 of the scale that each patch votes for."""
    belief: Array
    """(R,) weight of each vote."""
    site: NDArray[np.int32]
    """(R,) site of each patch."""
    slope: float
    """Slope of the map against log2(scale) along the pyramids; 1 is right; 0 if no vote counts."""
    strangeness: float
    """Distance of the patches from those of calibration."""

    def answer(self, weights: Array) -> float | None:
        """Scale of the weighted median vote; None if no vote counts. weights: (N,) of the sites."""
        middle = weighted_median(self.votes, self.belief * weights[self.site])
        return None if middle is None else float(2**middle)

    def cost(self, octaves: Array, weights: Array) -> Array:
        """(S,) mean distance of the votes from each place, in octaves; smallest at the answer."""
        each = self.belief * weights[self.site]
        if each.sum() == 0:
            return np.full(len(octaves), np.nan)
        away = np.abs(self.votes[:, None] - octaves[None])
        return np.asarray(each @ away / each.sum())


def read(profile: Profile, responses: Responses) -> Reading:
    """The profile's reading of every patch that was not enlarged.

    Raises SettingsError for responses of another network or of other layers.
    """
    standard = profile.features(responses)
    said = profile.octaves(standard)
    scales = np.log2(np.array(responses.grid.scales))[responses.scale_index]
    use = (responses.variant == PLAIN) & ~responses.upsampled
    belief = np.where(use, profile.noise_at(said) ** -2, 0.0)
    counted = belief if belief.any() else use.astype(float)
    strange = float(counted @ profile.strange(standard) / max(counted.sum(), 1e-12))
    slope = slope_of(scales, said, belief, responses.site_index)
    return Reading(scales - said, belief, responses.site_index, slope, strange)


def slope_of(x: Array, y: Array, weights: Array, site: NDArray[np.int32]) -> float:
    """Weighted slope of y against x within the sites, the same for all; 0 if x does not vary.

    >>> x, y, site = np.arange(4.0), np.array([0.0, 2.0, 5.0, 7.0]), np.array([0, 0, 1, 1])
    >>> slope_of(x, y, np.ones(4), site)
    2.0
    """
    count = int(site.max()) + 1
    total = np.bincount(site, weights, count)
    known = np.where(total > 0, total, 1.0)
    dx, dy = (v - (np.bincount(site, weights * v, count) / known)[site] for v in (x, y))
    across = float(weights @ dx**2)
    return float(weights @ (dx * dy)) / across if across > 0 else 0.0


def prepare(responses: Responses, options: Options) -> Scorer:
    """Let every patch vote; weight the votes by site."""
    profile = options.profile
    if profile is None:
        raise Unavailable("it needs a profile of this network; wsi-scale calibrate makes one")
    try:
        reading = read(profile, responses)
    except SettingsError as error:
        raise Unavailable(str(error)) from error
    scales = np.array(responses.grid.scales)
    doubts = tuple(doubts_of(profile, reading))
    seen = scales[responses.scale_index[~responses.upsampled]]
    window = (float(seen.min(initial=scales[-1])), float(scales[-1]))

    def score(weights: Array) -> Answer:
        best = reading.answer(weights)
        inside = None if best is None else float(np.clip(best, scales[0], scales[-1]))
        errors, folders = (None, None) if inside is None else profile.errors_in(inside, window)
        return Answer(
            score=-reading.cost(np.log2(scales), weights),
            scale=inside,
            doubts=doubts,
            errors=errors,
            error_groups=folders,
            enough_sites=profile.about.sites,
        )

    return score


def reads_tissue(profile: Profile) -> bool:
    """Whether an untrained copy of the network read the reference as well, within AS_WELL: then the
    profile measures the tissue, and not what the network learnt."""
    if profile.about.control is None or not len(profile.errors):
        return False
    return profile.about.control <= AS_WELL * float(np.median(np.abs(profile.errors)))


def doubts_of(profile: Profile, reading: Reading) -> list[tuple[Doubt, str]]:
    """(verdict, reason) for everything that speaks against the reading."""
    voting = len(np.unique(reading.site[reading.belief > 0]))
    if voting == 0:
        reason = (
            "the profile believes no patch of this slide: all seem further from the right scale "
            "than those of its reference, or are enlarged"
        )
        return [("no_evidence", reason)]
    out = _doubts_of_reference(profile)
    if voting < profile.about.sites:
        reason = (
            f"the profile believes patches at only {voting} of the places, fewer than the "
            f"{profile.about.sites} of each reference image"
        )
        out.append(("ambiguous", reason))
    if reading.slope < LEAST_SLOPE:
        reason = (
            "the profile's reading does not rise with the scale of the patches (slope "
            f"{reading.slope:.2f} instead of 1), so this slide is unlike the reference"
        )
        out.append(("outside", reason))
    further = reading.strangeness / max(float(profile.strangeness.max(initial=0.0)), 1e-12)
    if further > STRANGER:
        reason = (
            f"the responses lie {further:.2g} times as far from the reference as its strangest "
            f"image did when left out; the limit is {STRANGER:g}"
        )
        out.append(("outside", reason))
    return out


def _doubts_of_reference(profile: Profile) -> list[tuple[Doubt, str]]:
    """What speaks against every reading of this profile."""
    out: list[tuple[Doubt, str]] = []
    usual = float(np.median(np.abs(profile.errors))) if len(profile.errors) else np.inf
    if usual > LEAST_TRUE:
        reason = (
            "calibration found no scale in this network: the median error on images left out was "
            f"{usual:.2g} octaves"
        )
        out.append(("flat", reason))
    cases = len(profile.strangeness)
    if cases < FEWEST_CASES:
        reason = (
            f"the profile was made from {cases} images, and with fewer than {FEWEST_CASES} cases "
            "nobody knows how far one answer in ten is off; calibrate on more cases"
        )
        out.append(("ambiguous", reason))
    if (profile.about.sources or 1) < FEWEST_SOURCES:
        reason = (
            f"the reference lies in fewer than {FEWEST_SOURCES} folders, so nobody knows how far "
            "the profile is off in another laboratory; calibrate with a folder for each laboratory"
        )
        out.append(("ambiguous", reason))
    if reads_tissue(profile):
        reason = (
            "an untrained copy of the network read the reference as well, so this answer measures "
            "the tissue, not the network"
        )
        out.append(("ambiguous", reason))
    return out
