"""The scale that a profile, calibrated where the right scale was known, reads from every patch.

The profile maps the responses to one patch to its octaves from the right scale. So each patch of a
pyramid votes for a scale, weighted by how well the profile knew patches like it, and the weighted
median is the answer. Along a pyramid the map must rise as log2(scale) does: that, and how far the
responses lie from all that was seen in calibration, tells whether to believe it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wsi_scale.errors import SettingsError
from wsi_scale.estimators import Answer, Doubt, Options, Scorer, Unavailable
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
"""The map must rise along a pyramid at least half as fast as the truth does."""

STRANGER = 1.5
"""A slide may lie so many times further from the reference than the strangest image left out."""

LEAST_TRUE = 0.5
"""Octaves: a profile whose own images, left out, are further off than this in one of two cases
reads no scale from this network."""


@dataclass(frozen=True)
class Reading:
    """What a profile says of every patch."""

    votes: Array
    """(R,) log2 of the scale each patch votes for."""
    belief: Array
    """(R,) how much each vote counts."""
    site: NDArray[np.int32]
    """(R,) whose site it is."""
    slope: float
    """Rise of the map against log2(scale) along the pyramids; 1 = as the truth; 0 where no patch is
    believed."""
    strangeness: float
    """How far the patches lie from what was seen in calibration."""

    def answer(self, weights: Array) -> float | None:
        """The weighted median vote; None when no patch is believed. weights: (N,) of the sites."""
        middle = weighted_median(self.votes, self.belief * weights[self.site])
        return None if middle is None else float(2**middle)

    def cost(self, octaves: Array, weights: Array) -> Array:
        """(S,) mean distance in octaves of the votes from each place; least at the answer."""
        each = self.belief * weights[self.site]
        if each.sum() == 0:
            return np.full(len(octaves), np.nan)
        away = np.abs(self.votes[:, None] - octaves[None])
        return np.asarray(each @ away / each.sum())


def read(profile: Profile, responses: Responses) -> Reading:
    """Ask the profile about every patch that holds real detail.

    Raises SettingsError for responses of another network or other layers.
    """
    standard = profile.features(responses)
    said = profile.octaves(standard)
    scales = np.log2(np.array(responses.grid.scales))[responses.scale_index]
    use = (responses.variant == PLAIN) & ~responses.upsampled
    belief = np.where(use, profile.noise_at(said) ** -2, 0.0)
    heard = belief if belief.any() else use.astype(float)
    strange = float(heard @ profile.strange(standard) / max(heard.sum(), 1e-12))
    slope = slope_of(scales, said, belief, responses.site_index)
    return Reading(scales - said, belief, responses.site_index, slope, strange)


def slope_of(x: Array, y: Array, weights: Array, site: NDArray[np.int32]) -> float:
    """Common slope of y against x within the sites, by weight; 0 where x does not vary."""
    count = int(site.max()) + 1
    total = np.bincount(site, weights, count)
    known = np.where(total > 0, total, 1.0)
    dx, dy = (v - (np.bincount(site, weights * v, count) / known)[site] for v in (x, y))
    across = float(weights @ dx**2)
    return float(weights @ (dx * dy)) / across if across > 0 else 0.0


def prepare(responses: Responses, options: Options) -> Scorer:
    """Let every patch vote; pool the votes by the weights of their sites."""
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
        return Answer(
            score=-reading.cost(np.log2(scales), weights),
            scale=inside,
            doubts=doubts,
            errors=None if inside is None else profile.errors_in(inside, window),
            enough_sites=profile.about.sites,
        )

    return score


def doubts_of(profile: Profile, reading: Reading) -> list[tuple[Doubt, str]]:
    """(verdict, reason) of everything that speaks against the reading."""
    out: list[tuple[Doubt, str]] = []
    usual = float(np.median(np.abs(profile.errors))) if len(profile.errors) else np.inf
    if usual > LEAST_TRUE:
        out.append(
            (
                "flat",
                f"calibration found no scale in this network: images left out were {usual:.2g} "
                "octaves off",
            )
        )
    if reading.slope < LEAST_SLOPE:
        out.append(
            (
                "outside",
                "what the profile reads does not rise with the scale of the patches (slope "
                f"{reading.slope:.2f} instead of 1), so this slide is unlike its reference",
            )
        )
    further = reading.strangeness / max(float(profile.strangeness.max(initial=0.0)), 1e-12)
    if further > STRANGER:
        out.append(
            (
                "outside",
                f"the responses lie {further:.2g} times further from the reference than any image "
                f"of it that was left out, where {STRANGER:g} is the limit",
            )
        )
    return out
