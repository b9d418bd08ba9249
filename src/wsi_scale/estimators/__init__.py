"""One file per estimator. Each reads saved Responses, never an image and never torch.

An estimator module declares

    NAME      the word on the command line
    NEEDS     what it needs, as one clause for people
    EVIDENCE  True if its answer alone may be called ``ok``
    OPTIONS   fields of ``Options`` that it heeds, but for the reference; none when absent
    LEARNS    True if it needs ``Options.reference``; False when absent
    COARSE_TO_FINE  True if its curve has one broad optimum, so that a few scales of the window and
              those around the best of them tell as much as all; False when absent: it is then
              asked about evenly spread scales only
    prepare(responses, options) -> Scorer

``prepare`` raises ``Unavailable`` with one clause when the responses lack what it needs. The
Scorer takes one weight per site, so that a bootstrap over sites costs no second preparation. One
with an attribute ``layers``, their number, takes one weight per layer besides: where layers stand
beside each other as witnesses, a bootstrap draws them anew too.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from types import ModuleType
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from wsi_scale.errors import SettingsError
from wsi_scale.estimators.profile_file import Profile
from wsi_scale.plumbing.arrays import Array
from wsi_scale.plumbing.registry import modules_of
from wsi_scale.responses.record import Responses

Doubt = Literal["flat", "outside", "ambiguous"]


class Unavailable(Exception):  # noqa: N818  (a state of the evidence, not a fault of the input)
    """The responses lack what this estimator needs; the message says what."""


@dataclass(frozen=True)
class Answer:
    """What an estimator says for one weighting of the sites."""

    score: Array
    """(S,) score of every grid scale, higher is better; NaN where nothing was measured."""
    scale: float | None
    """The best scale, finer than the grid where the curve allows; None if there is none."""
    layer_scales: dict[str, float] = field(default_factory=dict)
    """The answer of each layer alone, where layers can answer alone."""
    doubts: tuple[tuple[Doubt, str], ...] = ()
    """Verdicts that the estimator itself would give instead of ``ok``, and why."""
    errors: Array | None = None
    """(E,) errors in octaves measured where the truth was known; the interval holds its share of
    them. None where nothing was measured."""
    enough_sites: int | None = None
    """Sites from which on the answer is as good as ``errors`` say; None: the usual number."""
    left: Array | None = None
    """(S,) nats per channel that each scale leaves unexplained, where an estimator measures that:
    what the verdict weighs, in whatever unit the score is."""
    misfit: float | None = None
    """What of that the best scale leaves; None where nothing of the kind is measured."""
    common: float = 0.0
    """How much of √(misfit / what an octave adds), in octaves, all sites may err by alike: one
    standard deviation, which drawing sites anew cannot show."""


Scorer = Callable[..., Answer]
"""(weights of sites) -> Answer, or (weights of sites, weights of layers) -> Answer."""


@dataclass(frozen=True)
class Reference:
    """What the same network answered on images whose right scale is known."""

    responses: Responses
    scale: float
    """The right scale of these images, level-0 px per network px."""


NO_REFERENCE = (
    "it learns from images whose right scale is known, given in Python as "
    "Options(reference=Reference(responses, scale))"
)


class Options(BaseModel):
    """Knobs of the estimators; everything has a default and unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    sigma: float = Field(8.0, ge=0, allow_inf_nan=False)
    """extrema: Gaussian smoothing, in grid steps."""
    keep_percent: float = Field(50.0, gt=0, le=100, allow_inf_nan=False)
    """extrema: share of channels kept, largest weight first."""
    statistic: str = Field("median", pattern="^(median|mean)$")
    """extrema: how extrema are pooled."""
    gradient: str = Field("before", pattern="^(before|after)$")
    """extrema: whether channels are weighed by the gradient of the target's score before softmax,
    as the thesis writes, or of its probability after it, as its program computed."""
    reference: Reference | None = Field(None, exclude=True)
    """dsst, hrsem, rrsem: what they learn from. Too large for the settings in a report."""
    profile: Profile | None = Field(None, exclude=True)
    """profile: what calibration learnt; a file of its own, so not in the settings of a report."""
    selective: float | None = Field(None, gt=0, allow_inf_nan=False)
    """recognition: octaves within which nine of ten answers lie, from the network's card; None: the
    network was not trained to find nothing at other scales."""
    colour_freed: bool = True
    """fingerprint: judge the colour-freed patches, where they were measured, not the plain ones."""
    encoder_only: bool | None = None
    """fingerprint: judge the BatchNorms of the encoder alone; None: of colour-freed patches."""
    match_mixture: bool = True
    """fingerprint: weigh sites anew at each scale, so that content is not mistaken for scale; not
    where patches freed of colour are judged."""


def prepare(module: ModuleType, responses: Responses, options: Options) -> Scorer:
    """The scorer of one estimator. Raises Unavailable when the responses lack what it needs."""
    if not responses.grid.even and not seeks_coarse_to_fine(module):
        raise Unavailable(
            "it needs evenly spread scales, and these are dense around the answer only; measure "
            "all of them with --dense"
        )
    scorer: Scorer = module.prepare(responses, options)
    return scorer


def seeks_coarse_to_fine(module: ModuleType) -> bool:
    """Whether the scales around the best of a few tell an estimator as much as all."""
    return bool(getattr(module, "COARSE_TO_FINE", False))


def all_estimators() -> dict[str, ModuleType]:
    """Every estimator there is, by name."""
    return modules_of(sys.modules[__name__])


def find_estimator(name: str) -> ModuleType:
    """The estimator of that name. Raises SettingsError with the names there are."""
    known = all_estimators()
    if name not in known:
        raise SettingsError(f"unknown estimator {name!r}; there are auto, {', '.join(known)}")
    return known[name]
