"""The verdict on an answer: ``ok``, or the first reason against it, in one sentence."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from wsi_scale.estimators import find_estimator
from wsi_scale.estimators.contract import Answer
from wsi_scale.estimators.curves import local_peaks, refine
from wsi_scale.judgement.evidence import Evidence, Judgement, rise, same_scale
from wsi_scale.judgement.tolerance import steady_band
from wsi_scale.judgement.wide_interval import too_wide
from wsi_scale.responses.record import PLAIN, Responses

BLANK_CONTRAST = 3.0
"""Grey levels (of 255). Scanner noise and JPEG on bare glass stay below this; faint tissue does
not."""

OUTSIDE_MISFIT = 0.5
"""Nats per channel: as if the mean of every channel lay one training standard deviation off."""

FLAT_RISE = 0.001
"""Nats per channel. An octave from the best scale the statistics must differ by more than this,
which is twice the uncertainty of the stored statistics (0.0005 for a settled network)."""

CARELESS_OCTAVES, CARELESS_CHANGE = 2.4, 0.2
"""A network that is insensitive to scale: over this many octaves at most this share of its
predictions changes, and its statistics move neither by CARELESS_RISE nats per octave nor by
CARELESS_RATIO times the misfit at the best scale. The values were chosen on the slides of even
number (benchmarks/model_problem.py), to separate networks trained within a factor of four of their
scale from networks trained at one scale; none of the three separates them alone."""

CARELESS_RISE, CARELESS_RATIO = 0.01, 10.0

CLEAR_RISE = 2.0
"""An octave of scale must explain at least this many times what no scale explains."""

LAYERS_AGREE = 1.0
"""Octaves. The answers of the middle half of the layers must lie within this range."""

ENOUGH_SITES = 16
"""Fewer sites never give ``ok``: they show too little of the slide, and their bootstrap intervals
are too narrow (benchmarks/results/few_sites.md)."""

WIDEST_GAP = 0.51
"""Octaves. If a neighbour of the best scale lies further away, the answer is never ``ok``."""

MANY_LAYERS = 4
"""From this many layers on, the reason gives the range of the middle half of their answers."""

RIVAL_SHARE = 0.1
"""A second peak is a candidate when at least this share of bootstrap resamples prefers it."""

RIVAL_OCTAVES = 0.5
"""Peaks closer than this are one answer."""

MOST_CANDIDATES = 5
"""At most this many peaks are listed, best first."""


def weigh(
    responses: Responses, evidence: Evidence, missing: dict[str, str], places: int | None = None
) -> Judgement:
    """Verdict on one estimator's answer, with its reason.

    Parameters
    ----------
    responses : Responses
        What the network answered; its contrast, sites and class shares are used.
    evidence : Evidence
        The estimator's answer on all sites and on resamples of the sites.
    missing : dict of str to str
        Estimators that could not be used, and why. Named only in the reason of ``no_evidence``.
    places : int, optional
        How many sites count: those that repeat each other count as one. None: all sites.

    Returns
    -------
    Judgement
        Verdict, reason, and the rival scales of an ``ambiguous`` answer.

    Examples
    --------
    Nothing but glass, with hardly any contrast:

    >>> from types import SimpleNamespace
    >>> from wsi_scale.estimators import Answer
    >>> glass = SimpleNamespace(contrast=np.array([0.5, 1.0]), variant=np.array([PLAIN, PLAIN]))
    >>> scales = np.array([1.0, 2.0])
    >>> weigh(glass, Evidence("fingerprint", scales, Answer(scales, 2.0), ()), {}).verdict
    'blank'
    """
    contrast = responses.contrast[responses.variant == PLAIN]
    if len(contrast) == 0 or np.quantile(contrast, 0.9) < BLANK_CONTRAST:
        return Judgement("blank", "there is nothing to look at: the patches are almost uniform")
    if not find_estimator(evidence.name).EVIDENCE:
        return Judgement("no_evidence", _why_no_evidence(evidence, missing))
    answer = evidence.answer
    doubts = _by_kind(answer)
    if "no_evidence" in doubts:
        return Judgement("no_evidence", doubts["no_evidence"])
    if answer.scale is None or (answer.misfit is not None and rise(evidence) < FLAT_RISE):
        return Judgement("flat", "the network responds alike at every scale that was tried")
    careless = _careless(responses, evidence)
    if careless:
        return careless
    if "flat" in doubts:
        return Judgement("flat", doubts["flat"])
    strange = Judgement("outside", doubts["outside"]) if "outside" in doubts else None
    tied = None
    if "ambiguous" in doubts:
        tied = Judgement("ambiguous", doubts["ambiguous"], _peaks(evidence))
    count = len(responses.sites) if places is None else places
    against = [
        strange or _outside(evidence),
        _edge(evidence),
        tied or _rivals(evidence),
        too_wide(evidence, count),
    ]
    few = _few_sites(count, len(responses.sites), evidence) or _few_scales(evidence)
    return _all_of(against) or few or Judgement("ok", _why_ok(evidence))


def _by_kind(answer: Answer) -> dict[str, str]:
    """The estimator's own doubts; reasons of one kind are joined, so that none hides another."""
    reasons: dict[str, str] = {}
    for kind, reason in answer.doubts:
        reasons[kind] = f"{reasons[kind]}; also, {reason}" if kind in reasons else reason
    return reasons


def _all_of(against: Sequence[Judgement | None]) -> Judgement | None:
    """The first verdict with the reasons of all, so that no doubt hides another."""
    found = [judgement for judgement in against if judgement is not None]
    if not found:
        return None
    return replace(found[0], reason="; also, ".join(judgement.reason for judgement in found))


def _few_scales(evidence: Evidence) -> Judgement | None:
    """The neighbours of the best scale are too far away to fit a parabola through them."""
    answer = evidence.answer
    assert answer.scale is not None
    known = np.isfinite(answer.score)
    octaves, home = np.log2(evidence.scales[known]), int(np.argmax(answer.score[known]))
    gap = float(np.diff(octaves[max(home - 1, 0) : home + 2]).max(initial=0.0))
    if answer.errors is not None or gap <= WIDEST_GAP:
        return None
    reason = (
        f"the scales next to the best one lie up to {gap:.2g} octaves from it, too far apart to "
        "locate the optimum between them; raise --per-octave"
    )
    return Judgement("ambiguous", reason, _peaks(evidence))


def _few_sites(count: int, sites: int, evidence: Evidence) -> Judgement | None:
    """Too few sites to be sure, however well they agree. count: without repeats."""
    enough = ENOUGH_SITES if evidence.answer.enough_sites is None else evidence.answer.enough_sites
    if count >= enough and (len(evidence.resampled) > 0 or evidence.answer.errors is not None):
        return None
    reason = (
        f"only {count} site{'s were' if count != 1 else ' was'} measured, too few to tell this "
        f"scale from its neighbours; measure {enough} or more (--sites)"
    )
    if count < sites:
        reason = (
            f"the {sites} sites show only {count} places that differ, too few to tell this scale "
            f"from its neighbours; measure more (--sites) or more tissue, for {enough} places"
        )
    if count >= enough:
        reason = "the sites were not resampled, so the error is unknown; set resamples above 0"
    return Judgement("ambiguous", reason, _peaks(evidence))


def _why_ok(evidence: Evidence) -> str:
    layers = evidence.answer.layer_scales
    if len(layers) < MANY_LAYERS:
        return "one clear best scale inside the window"
    low, high = np.quantile(list(layers.values()), [0.25, 0.75])
    return (
        f"one clear best scale; the answers of the middle half of {len(layers)} layers lie between "
        f"{low:.3g} and {high:.3g}"
    )


def why_unavailable(missing: dict[str, str]) -> str:
    """Why each estimator that gives evidence is missing; empty if none is."""
    return "; ".join(
        f"{name}: {why}" for name, why in missing.items() if find_estimator(name).EVIDENCE
    )


def _why_no_evidence(evidence: Evidence, missing: dict[str, str]) -> str:
    found = evidence.answer.scale
    says = "" if found is None else f" (by itself it says {found:.3g})"
    because = why_unavailable(missing)
    return f"{evidence.name} is not evidence of scale{says}" + (f"; {because}" if because else "")


def _careless(responses: Responses, evidence: Evidence) -> Judgement | None:
    """The network accepts many scales, as one trained with scale jitter does."""
    scale, misfit = evidence.answer.scale, evidence.answer.misfit
    if not responses.classes or scale is None or misfit is None:
        return None
    if CLEAR_RISE * misfit > (gained := rise(evidence)):
        return None
    if gained >= min(CARELESS_RISE, CARELESS_RATIO * misfit):
        return None
    low, high = steady_band(responses, scale, CARELESS_CHANGE)
    window = math.log2(evidence.scales[-1] / evidence.scales[0])
    if math.log2(high / low) < min(CARELESS_OCTAVES, window) - 1e-9:
        return None
    return Judgement(
        "flat",
        f"the network is insensitive to scale: from scale {low:.2g} to {high:.2g} at most "
        f"{CARELESS_CHANGE:.0%} of its predictions change, and none of these scales matches its "
        "training data much better than the others",
    )


def _outside(evidence: Evidence) -> Judgement | None:
    """Unlike the training data: too different, or different in more than scale."""
    misfit = evidence.answer.misfit
    if misfit is None:
        return None
    if misfit > OUTSIDE_MISFIT:
        return Judgement(
            "outside",
            "even at the best scale the slide is unlike the network's training data: the network's "
            f"internal statistics differ by {misfit:.2g} nats per channel; the limit is "
            f"{OUTSIDE_MISFIT:g}",
        )
    gained = rise(evidence)
    if CLEAR_RISE * misfit > gained:
        return Judgement(
            "outside",
            "the slide differs from the training data in more than scale (stain, blur or content): "
            f"even at the best scale it differs by {misfit:.2g} nats per channel, and an octave "
            f"away adds only {gained:.2g}, so scale is not the main difference",
        )
    return None


def _edge(evidence: Evidence) -> Judgement | None:
    """An optimum at an end of the window is a bound, not an estimate."""
    known = evidence.scales[np.isfinite(evidence.answer.score)]
    answers = evidence.resampled_scales
    for end, beyond in ((known[0], "or below it"), (known[-1], "or above it")):
        reason = f"the best scale lies at the end of the window, {end:.3g}, {beyond}"
        if evidence.answer.scale is not None and same_scale(evidence.answer.scale, end):
            return Judgement("edge", reason)
        there = same_scale(answers, end).sum()
        if there > RIVAL_SHARE * len(answers):
            share = f"{there / len(answers):.0%} of the resamples of the sites"
            return Judgement("edge", f"in {share} {reason}")
    return None


def _rivals(evidence: Evidence) -> Judgement | None:
    """Several scales fit, because resamples or layers do not agree on one."""
    answer = evidence.answer
    assert answer.scale is not None
    scales = np.array(list(answer.layer_scales.values()))
    if len(scales) >= 2:
        low, high = np.quantile(scales, [0.25, 0.75])
        if math.log2(high / low) > LAYERS_AGREE:
            reason = (
                "the network's layers disagree: the answers of their middle half range from "
                f"{low:.2g} to {high:.2g}"
            )
            return Judgement("ambiguous", reason, _peaks(evidence))
    away = np.abs(np.log2(evidence.resampled_scales / answer.scale)) > RIVAL_OCTAVES
    if len(away) and away.mean() > RIVAL_SHARE:
        reason = f"in {away.mean():.0%} of the resamples of the sites another scale is best"
        return Judgement("ambiguous", reason, _peaks(evidence))
    return None


def _peaks(evidence: Evidence) -> tuple[tuple[float, float], ...]:
    """(scale, score) of the curve's peaks, best first, at least RIVAL_OCTAVES apart."""
    score, scales = evidence.answer.score, evidence.scales
    out: list[tuple[float, float]] = []
    for index in local_peaks(score):
        scale = refine(scales, score, index)
        if all(abs(math.log2(scale / other)) >= RIVAL_OCTAVES for other, _ in out):
            out.append((scale, float(score[index])))
    return tuple(out[:MOST_CANDIDATES])
