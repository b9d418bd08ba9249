"""From responses to an answer one can act on: interval, tolerance band, all answers, verdict."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from wsi_scale.errors import SettingsError
from wsi_scale.estimators import all_estimators, find_estimator, prepare, profile
from wsi_scale.estimators.contract import Answer, Options, Scorer, Unavailable
from wsi_scale.geometry import ScaleGrid, Site
from wsi_scale.judgement.auto import Voice, choose
from wsi_scale.judgement.cautions import cautions
from wsi_scale.judgement.enough_sites import is_settled
from wsi_scale.judgement.evidence import Evidence
from wsi_scale.judgement.interval import band_of_curve, interval_of, resample_sites
from wsi_scale.judgement.repeats import weights_of
from wsi_scale.judgement.rules import weigh, why_unavailable
from wsi_scale.judgement.tolerance import steady_band
from wsi_scale.judgement.verdicts import NUMBERED, Verdict
from wsi_scale.plumbing.arrays import Array
from wsi_scale.responses.record import PLAIN, Responses

TOLERANCE = 0.1
"""Share of the predictions (for a segmenter, of what it finds) that may change inside the tolerance
band."""

NOBODY = "none"
"""Stands for the estimator of an answer that none gave."""

MIN_CLASS_SITES = 3
"""A class gets its own estimate if it is the target of at least this many sites."""


@dataclass(frozen=True)
class Estimate:
    """An answer with everything needed to trust or distrust it.

    Every scale is in level-0 px per network px, along one side; larger is coarser. ``scale`` and
    ``interval`` are None if the verdict comes without a number. ``score``, ``low`` and ``high`` are
    the curve and its band at ``scales``, (S,) float64, NaN where nothing was measured.
    """

    estimator: str
    scale: float | None
    interval_level: float
    interval: tuple[float, float] | None
    tolerance: tuple[float, float] | None
    """Scales between which at most TOLERANCE of the predictions (for a segmenter, of what it finds)
    differ from those at ``scale``."""
    verdict: Verdict
    reason: str
    warnings: tuple[str, ...]
    candidates: tuple[tuple[float, float], ...]
    """(scale, score) of every peak of an ambiguous answer."""
    voices: dict[str, float | None]
    """Each available estimator's own scale."""
    sites: tuple[Site, ...]
    """The sites, in the order of ``site_scales``."""
    site_scales: tuple[float | None, ...]
    scales: Array
    score: Array
    low: Array
    high: Array
    classes: tuple[tuple[str, float | None, tuple[float, float] | None], ...] = ()
    """(name, scale, interval) of each class that is the target of at least 3 sites; empty for fewer
    than two such classes."""
    site_scores: tuple[Array, ...] = ()
    """Each site's own score at ``scales``; empty if the verdict comes without a number."""
    settled: bool = False
    """Whether more sites would hardly narrow the interval, nor change the verdict."""


def estimate(
    responses: Responses,
    *,
    estimator: str = "auto",
    options: Options | None = None,
    seed: int = 0,
    interval_level: float = 0.9,
    resamples: int = 200,
    places: NDArray[np.intp] | None = None,
) -> Estimate:
    """The best scale with its interval and a verdict, from responses that were measured.

    Parameters
    ----------
    responses : Responses
        What a network answered at some sites and scales.
    estimator : str
        ``auto`` or a name from ``all_estimators``. ``auto`` asks every available estimator that
        gives evidence and takes the first that is ``ok``, else the first with a number. If none
        gives evidence, the verdict is ``no_evidence``.
    options : Options, optional
        Options of single estimators, with the profile or reference.
    seed : int
        Seed of the bootstrap.
    interval_level : float
        Share of cases that the interval should cover, above 0 and below 1.
    resamples : int
        Bootstrap resamples of the sites.
    places : ndarray, optional
        (N,) the place of each site, from 0, as ``places_of`` tells for the sites of one slide.
        Sites of one place repeat each other and weigh as one. None: every site counts.

    Returns
    -------
    Estimate
        The answer. Its ``scale`` is None under the verdicts flat, blank and no_evidence.

    Raises
    ------
    SettingsError
        When the estimator is unknown or, if it was named, unavailable; or when ``interval_level``
        is not between 0 and 1.

    Examples
    --------
    >>> from wsi_scale import Settings, estimate, iter_estimates
    >>> slide = "synthetic:figures?seed=1&stretch=0.2&width=700&height=600"
    >>> settings = Settings(sites=2, scales=(0.7, 3), per_octave=2)
    >>> *_, last = iter_estimates(slide, "figures", settings)
    >>> answer = estimate(last.responses, estimator="fingerprint")
    >>> answer.verdict, answer.reason[:26]
    ('ambiguous', 'only 2 sites were measured')
    """
    if not 0 < interval_level < 1:
        raise SettingsError(f"interval_level must lie between 0 and 1, got {interval_level}")
    options = options or Options()
    scorers, missing = _prepare_all(responses, options)
    if not scorers and estimator == "auto" and options.profile is None:
        return _unread(responses, missing, interval_level)
    places = np.arange(len(responses.sites)) if places is None else places
    everyone, count = weights_of(places), int(places.max(initial=-1)) + 1
    scales = np.array(responses.grid.scales)
    answers = {name: scorer(everyone) for name, scorer in scorers.items()}

    def voice(name: str) -> Voice:
        resampled = resample_sites(scorers[name], everyone, places, seed, resamples)
        evidence = Evidence(name, scales, answers[name], resampled)
        return Voice(evidence, weigh(responses, evidence, missing, count))

    chosen, passed_over = choose([voice(x) for x in _choose(estimator, scorers, missing, options)])
    evidence, judgement, scorer = chosen.evidence, chosen.judgement, scorers[chosen.name]
    numbered = judgement.verdict in NUMBERED
    scale = chosen.scale if numbered else None
    low, high = band_of_curve(evidence, interval_level)
    alone = _per_site(scorer, len(everyone)) if numbered else ()
    return Estimate(
        estimator=chosen.name,
        scale=scale,
        interval_level=interval_level,
        interval=interval_of(evidence, interval_level, count) if numbered else None,
        tolerance=_tolerance(responses, scale),
        verdict=judgement.verdict,
        reason=judgement.reason,
        warnings=(*passed_over, *cautions(scale, chosen, options, interval_level, places)),
        candidates=judgement.candidates,
        voices={name: answer.scale for name, answer in answers.items()},
        sites=responses.sites,
        site_scales=tuple(x.scale for x in alone) if numbered else (None,) * len(everyone),
        scales=scales,
        score=evidence.answer.score,
        low=low,
        high=high,
        classes=_per_class(responses, scorer, places, seed, resamples, interval_level)
        if numbered
        else (),
        site_scores=tuple(x.score for x in alone),
        settled=is_settled(evidence, judgement, interval_level, len(places)),
    )


def blank_estimate(grid: ScaleGrid, interval_level: float, reason: str) -> Estimate:
    """The answer for a slide on which nothing was measured."""
    return _no_estimate(grid, interval_level, "blank", reason)


def _no_estimate(grid: ScaleGrid, interval_level: float, verdict: Verdict, reason: str) -> Estimate:
    """An answer that no estimator gave."""
    nothing = np.full(len(grid), np.nan)
    return Estimate(
        estimator=NOBODY,
        scale=None,
        interval_level=interval_level,
        interval=None,
        tolerance=None,
        verdict=verdict,
        reason=reason,
        warnings=(),
        candidates=(),
        voices={},
        sites=(),
        site_scales=(),
        scales=np.array(grid.scales),
        score=nothing,
        low=nothing,
        high=nothing,
    )


def _unread(responses: Responses, missing: dict[str, str], interval_level: float) -> Estimate:
    """The answer for a network that no estimator can read, with what would help."""
    reason = f"no estimator can read this network: {why_unavailable(missing)}"
    nobody = _no_estimate(responses.grid, interval_level, "no_evidence", reason)
    sites = responses.sites
    return replace(nobody, sites=sites, site_scales=(None,) * len(sites))


def _prepare_all(
    responses: Responses, options: Options
) -> tuple[dict[str, Scorer], dict[str, str]]:
    """Scorers of the available estimators, and why the others are unavailable."""
    scorers, missing = {}, {}
    for name, module in all_estimators().items():
        try:
            scorers[name] = prepare(module, responses, options)
        except Unavailable as error:
            missing[name] = str(error)
    return scorers, missing


def _choose(
    estimator: str, scorers: dict[str, Scorer], missing: dict[str, str], options: Options
) -> list[str]:
    """Names of the estimators to ask: the one named or, for ``auto``, all that give evidence."""
    if estimator == "auto" and options.profile is not None and profile.NAME in missing:
        estimator = profile.NAME  # a given profile is never silently ignored
    if estimator != "auto":
        find_estimator(estimator)
        if estimator in missing:
            raise SettingsError(f"estimator {estimator} cannot be used: {missing[estimator]}")
        return [estimator]
    return [name for name in scorers if find_estimator(name).EVIDENCE] or [next(iter(scorers))]


def _per_site(scorer: Scorer, sites: int) -> tuple[Answer, ...]:
    """The answer of each site alone."""
    alone = np.zeros(sites)
    answers = []
    for site in range(sites):
        alone[site] = 1
        answers.append(scorer(alone))
        alone[site] = 0
    return tuple(answers)


def _tolerance(responses: Responses, scale: float | None) -> tuple[float, float] | None:
    if scale is None or not responses.classes:
        return None
    return steady_band(responses, scale, TOLERANCE)


def _per_class(
    responses: Responses,
    scorer: Scorer,
    places: NDArray[np.intp],
    seed: int,
    resamples: int,
    level: float,
) -> tuple[tuple[str, float | None, tuple[float, float] | None], ...]:
    """One estimate per target class, from its sites, if several classes were seen."""
    target = np.full(len(responses.sites), -1)
    plain = responses.variant == PLAIN
    target[responses.site_index[plain]] = responses.target[plain]
    seen = [k for k in np.unique(target[target >= 0]) if np.sum(target == k) >= MIN_CLASS_SITES]
    if len(seen) < 2:
        return ()
    out = []
    for k in seen:
        members = weights_of(places, (target == k).astype(float))
        draws = resample_sites(scorer, members, places, seed, resamples)
        evidence = Evidence("", np.array(responses.grid.scales), scorer(members), draws)
        scale = evidence.answer.scale
        out.append(
            (responses.classes[k], scale, interval_of(evidence, level, round(members.sum())))
        )
    return tuple(out)
