"""What every estimator takes and gives: options, a reference, an answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from wsi_scale.estimators.profile_file import Profile
from wsi_scale.plumbing.arrays import Array
from wsi_scale.responses.record import Responses

Doubt = Literal["no_evidence", "flat", "outside", "ambiguous"]


class Unavailable(Exception):  # noqa: N818  (a state of the evidence, not a fault of the input)
    """The responses lack what this estimator needs; the message says what."""


@dataclass(frozen=True)
class Answer:
    """What an estimator answers for one weighting of the sites.

    Examples
    --------
    >>> import numpy as np
    >>> from wsi_scale.estimators import Answer
    >>> answer = Answer(score=np.array([0.1, 0.9, 0.2]), scale=2.1)
    >>> answer.scale, answer.doubts
    (2.1, ())
    """

    score: Array
    """(S,) score of every grid scale; higher is better, NaN where nothing was measured."""
    scale: float | None
    """The best scale, between grid scales if the curve allows; None if there is no best one."""
    layer_scales: dict[str, float] = field(default_factory=dict)
    """Each layer's own answer, by name; empty if layers cannot answer alone."""
    doubts: tuple[tuple[Doubt, str], ...] = ()
    """Verdicts that the estimator gives instead of ``ok``, each with its reason."""
    errors: Array | None = None
    """(E,) errors in octaves, measured where the right scale was known. The interval holds the
    required share of them. None: not measured."""
    error_groups: NDArray[np.intp] | None = None
    """(E,) group of each error, such as its laboratory, whose errors are alike; None: every error
    stands for itself."""
    enough_sites: int | None = None
    """Number of sites from which ``errors`` apply; None: the usual number."""
    left: Array | None = None
    """(S,) nats per channel that each scale leaves unexplained. The verdict uses these, whatever
    the unit of the score. None if the estimator does not measure them."""
    misfit: float | None = None
    """The value of ``left`` at the best scale; None without one."""
    common: float = 0.0
    """Standard deviation of the error that all sites share, in octaves, as a multiple of
    √(misfit / what an octave adds). Drawing the sites again cannot reveal it."""


Scorer = Callable[..., Answer]
"""(weights of sites) -> Answer, or (weights of sites, weights of layers) -> Answer."""


@dataclass(frozen=True)
class Reference:
    """Responses of the same network to images whose right scale is known.

    Examples
    --------
    >>> from wsi_scale.estimators import Options, Reference
    >>> from wsi_scale.geometry import ScaleGrid, Site
    >>> from wsi_scale.networks import load_network
    >>> from wsi_scale.responses import measure_responses
    >>> from wsi_scale.slide import open_slide, sample_pyramid
    >>> with open_slide("synthetic:figures?width=800&height=600") as slide:
    ...     pyramid = sample_pyramid(slide, Site(400, 300), ScaleGrid((1.0, 2.0)), size=224)
    >>> responses = measure_responses(load_network("figures", device="cpu"), [pyramid])
    >>> Options(reference=Reference(responses, scale=5.0)).reference.scale
    5.0
    """

    responses: Responses
    scale: float
    """The right scale of these images, level-0 px per network px."""


NO_REFERENCE = (
    "it learns from images whose right scale is known, given in Python as "
    "Options(reference=Reference(responses, scale))"
)


class Options(BaseModel):
    """Settings of the estimators. Every one has a default; unknown names are refused.

    Examples
    --------
    >>> from wsi_scale.estimators import Options
    >>> options = Options(sigma=6, match_mixture=False)
    >>> options.sigma, options.keep_percent
    (6.0, 50.0)
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    sigma: float = Field(8.0, ge=0, allow_inf_nan=False)
    """extrema: Gaussian smoothing, in grid steps."""
    keep_percent: float = Field(50.0, gt=0, le=100, allow_inf_nan=False)
    """extrema: percentage of channels kept, largest weight first."""
    statistic: str = Field("median", pattern="^(median|mean)$")
    """extrema: how extrema are pooled, ``median`` or ``mean``."""
    gradient: str = Field("before", pattern="^(before|after)$")
    """extrema: channels are weighted by a gradient: ``before`` softmax, of the target's score, as
    the thesis says; or ``after`` it, of the target's probability, as its program computed."""
    reference: Reference | None = Field(None, exclude=True)
    """dsst, hrsem, rrsem: what they learn from. Not in a report's settings, because it is large."""
    profile: Profile | None = Field(None, exclude=True)
    """profile: what calibration learnt. Not in a report's settings, because it is a file itself."""
    selective: float | None = Field(None, gt=0, allow_inf_nan=False)
    """recognition: octaves within which nine of ten answers lie, from the network's card. None: the
    network was not trained to find nothing at other scales."""
    colour_freed: bool = True
    """fingerprint: use colour-freed patches, if they were measured, instead of plain ones."""
    encoder_only: bool | None = None
    """fingerprint: use only the encoder's BatchNorms. None: only with colour-freed patches."""
    match_mixture: bool = True
    """fingerprint: reweight the sites at each scale, so that content is not mistaken for scale;
    has no effect on colour-freed patches."""
