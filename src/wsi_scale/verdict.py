"""The verdict: the first thing that stands between an answer and ``ok``, in one sentence."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from wsi_scale.estimators import Answer, Array, find_estimator
from wsi_scale.estimators.curves import local_peaks, refine
from wsi_scale.report import Verdict
from wsi_scale.responses import Responses

BLANK_CONTRAST = 3.0
"""Grey levels (of 255). Scanner noise and JPEG on bare glass stay below; faint tissue does not."""

OUTSIDE_MISFIT = 1.0
"""Nats per channel. The divergence of a normal from one √(2·1) standard deviations away, or of
one 6 times narrower: no channel mean of data like the training data lies there."""

FLAT_DIP = 0.1
"""Nats per channel (fingerprint): a curve whose best scale is no better than this against its
median scale does not single out a scale."""

LAYERS_AGREE = 1.0
"""Octaves: half of the layers must answer within this range of each other."""

RIVAL_SHARE = 0.1
"""A second peak is a candidate when at least this share of bootstrap resamples prefers it."""

RIVAL_OCTAVES = 0.5
"""Peaks closer than this are one answer."""

MOST_CANDIDATES = 5
"""Peaks listed at most, best first."""


@dataclass(frozen=True)
class Evidence:
    """One estimator's answer and what it says when the sites are drawn again."""

    name: str
    scales: Array
    """(S,) the grid."""
    answer: Answer
    resampled: tuple[Answer, ...]
    """Bootstrap over sites."""

    @property
    def resampled_scales(self) -> Array:
        return np.array([x.scale for x in self.resampled if x.scale is not None])


@dataclass(frozen=True)
class Judgement:
    """A verdict, why, and the rival scales (scale, score) of an ambiguous one."""

    verdict: Verdict
    reason: str
    candidates: tuple[tuple[float, float], ...] = ()


def judge(responses: Responses, evidence: Evidence, missing: dict[str, str]) -> Judgement:
    """Judge one estimator's evidence.

    missing: estimators that could not work and why, told where nothing better is at hand.
    """
    contrast = responses.contrast
    if len(contrast) == 0 or np.quantile(contrast, 0.9) < BLANK_CONTRAST:
        return Judgement("blank", "there is nothing to look at: the patches are almost uniform")
    if not find_estimator(evidence.name).EVIDENCE:
        return Judgement("no_evidence", _why_no_evidence(evidence, missing))
    if evidence.answer.scale is None or _dip(evidence) < FLAT_DIP:
        return Judgement("flat", "the network responds alike at every scale tried")
    return (
        _outside(evidence)
        or _edge(evidence)
        or _rivals(evidence)
        or Judgement("ok", _why_ok(evidence))
    )


def _why_ok(evidence: Evidence) -> str:
    layers = evidence.answer.layer_scales
    if len(layers) < 2:
        return "one clear optimum inside the window"
    low, high = np.quantile(list(layers.values()), [0.25, 0.75])
    return f"one clear optimum; half of {len(layers)} layers lie within {low:.3g} to {high:.3g}"


def _why_no_evidence(evidence: Evidence, missing: dict[str, str]) -> str:
    found = evidence.answer.scale
    says = "" if found is None else f" ({evidence.name} alone says {found:.3g})"
    because = "; ".join(missing.values())
    return f"{evidence.name} is no evidence of scale{says}" + (f"; {because}" if because else "")


def _dip(evidence: Evidence) -> float:
    """How much better the best scale is than the median scale, in the score's unit."""
    score = evidence.answer.score
    return float(np.nanmax(score) - np.nanmedian(score))


def _outside(evidence: Evidence) -> Judgement | None:
    misfit = evidence.answer.misfit
    if misfit is None or misfit <= OUTSIDE_MISFIT:
        return None
    reason = (
        f"even at the best scale the slide is unlike what the network was trained on "
        f"(divergence {misfit:.2g} nats per channel, above {OUTSIDE_MISFIT:g})"
    )
    return Judgement("outside", reason)


def _edge(evidence: Evidence) -> Judgement | None:
    """The optimum at an end of the window is a bound, not an estimate."""
    score = evidence.answer.score
    known = np.flatnonzero(np.isfinite(score))
    best = int(np.nanargmax(score))
    if best not in (known[0], known[-1]):
        return None
    where, rule = ("low", "or below") if best == known[0] else ("high", "or above")
    reason = f"the best scale lies at the {where} end of the window {rule}; widen --scales"
    return Judgement("edge", reason)


def _rivals(evidence: Evidence) -> Judgement | None:
    """Several scales when resamples or layers do not settle on one."""
    answer = evidence.answer
    assert answer.scale is not None
    scales = np.array(list(answer.layer_scales.values()))
    if len(scales) >= 2:
        low, high = np.quantile(scales, [0.25, 0.75])
        if math.log2(high / low) > LAYERS_AGREE:
            reason = f"the network's layers disagree: half of them say {low:.2g} to {high:.2g}"
            return Judgement("ambiguous", reason, _peaks(evidence))
    away = np.abs(np.log2(evidence.resampled_scales / answer.scale)) > RIVAL_OCTAVES
    if len(away) and away.mean() > RIVAL_SHARE:
        reason = f"{away.mean():.0%} of resamples of the sites prefer another scale"
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
