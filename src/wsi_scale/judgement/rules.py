"""The verdict: the first thing that stands between an answer and ``ok``, in one sentence."""

from __future__ import annotations

import math

import numpy as np

from wsi_scale.estimators import find_estimator
from wsi_scale.estimators.curves import local_peaks, refine
from wsi_scale.judgement.evidence import Evidence, Judgement, rise
from wsi_scale.judgement.tolerance import steady_band
from wsi_scale.responses.record import PLAIN, Responses

BLANK_CONTRAST = 3.0
"""Grey levels (of 255). Scanner noise and JPEG on bare glass stay below; faint tissue does not."""

OUTSIDE_MISFIT = 0.5
"""Nats per channel: as if the mean of every channel lay one training standard deviation off."""

FLAT_RISE = 0.001
"""Nats per channel: an octave from the best scale the statistics must differ by more than the
stored statistics themselves are uncertain (0.0005 for a settled network), twice over."""

CARELESS_OCTAVES, CARELESS_CHANGE = 2.4, 0.2
"""A network that hardly cares: over so many octaves at most this share of its predictions changes,
and its statistics move neither by CARELESS_RISE nats an octave nor by CARELESS_RATIO times what the
best scale leaves. Chosen on networks trained within a factor of four of their scale, beside
networks trained at one, on the slides of even number (benchmarks/model_problem.py); no one of the
three tells them apart."""

CARELESS_RISE, CARELESS_RATIO = 0.01, 10.0

CLEAR_RISE = 2.0
"""What an octave of scale explains must outweigh what no scale explains by this factor."""

LAYERS_AGREE = 1.0
"""Octaves: half of the layers must answer within this range of each other."""

ENOUGH_SITES = 16
"""Fewer sites never give ``ok``: their mixture of content is too thin, and a bootstrap of them too
sure of itself (benchmarks/results/few_sites.md)."""

WIDEST_GAP = 0.51
"""Octaves between the best scale and its neighbours, from which on an answer is never ``ok``."""

MANY_LAYERS = 4
"""From so many layers on, the range of the middle half of them is worth telling."""

RIVAL_SHARE = 0.1
"""A second peak is a candidate when at least this share of bootstrap resamples prefers it."""

RIVAL_OCTAVES = 0.5
"""Peaks closer than this are one answer."""

MOST_CANDIDATES = 5
"""Peaks listed at most, best first."""


def weigh(responses: Responses, evidence: Evidence, missing: dict[str, str]) -> Judgement:
    """Judge one estimator's evidence.

    missing: estimators that could not work and why, told where nothing better is at hand.
    """
    contrast = responses.contrast[responses.variant == PLAIN]
    if len(contrast) == 0 or np.quantile(contrast, 0.9) < BLANK_CONTRAST:
        return Judgement("blank", "there is nothing to look at: the patches are almost uniform")
    if not find_estimator(evidence.name).EVIDENCE:
        return Judgement("no_evidence", _why_no_evidence(evidence, missing))
    answer = evidence.answer
    if answer.scale is None or (answer.misfit is not None and rise(evidence) < FLAT_RISE):
        return Judgement("flat", "the network responds alike at every scale tried")
    careless = _careless(responses, evidence)
    if careless:
        return careless
    doubts = dict(reversed(answer.doubts))  # of two of a kind the first is told
    if "flat" in doubts:
        return Judgement("flat", doubts["flat"])
    strange = Judgement("outside", doubts["outside"]) if "outside" in doubts else None
    outside, edge = strange or _outside(evidence), _edge(evidence)
    if outside and edge:
        return Judgement("outside", f"{outside.reason}; besides, {edge.reason}")
    few = _few_sites(responses, evidence) or _few_scales(evidence)
    if "ambiguous" in doubts and not (outside or edge):
        return Judgement("ambiguous", doubts["ambiguous"], _peaks(evidence))
    return outside or edge or _rivals(evidence) or few or Judgement("ok", _why_ok(evidence))


def _few_scales(evidence: Evidence) -> Judgement | None:
    """Neighbours of the best too far away for a parabola through them to be trusted."""
    answer = evidence.answer
    assert answer.scale is not None
    known = np.isfinite(answer.score)
    octaves, home = np.log2(evidence.scales[known]), int(np.argmax(answer.score[known]))
    gap = float(np.diff(octaves[max(home - 1, 0) : home + 2]).max(initial=0.0))
    if answer.errors is not None or gap <= WIDEST_GAP:
        return None
    reason = (
        f"the scales beside the best lie {gap:.2g} octaves from it, too far to tell where between "
        "them it is; raise --per-octave"
    )
    return Judgement("ambiguous", reason, _peaks(evidence))


def _few_sites(responses: Responses, evidence: Evidence) -> Judgement | None:
    """Too little was looked at to be sure, however alike it was."""
    count = len(responses.sites)
    enough = ENOUGH_SITES if evidence.answer.enough_sites is None else evidence.answer.enough_sites
    if count >= enough and (len(evidence.resampled) > 0 or evidence.answer.errors is not None):
        return None
    looked = f"only {count} site{'s were' if count != 1 else ' was'} looked at"
    if count >= enough:
        looked = "the sites were not resampled"
    reason = (
        f"{looked}, too little to tell this scale from its neighbours; look at {enough} or more"
    )
    return Judgement("ambiguous", reason, _peaks(evidence))


def _why_ok(evidence: Evidence) -> str:
    layers = evidence.answer.layer_scales
    if len(layers) < MANY_LAYERS:
        return "one clear optimum inside the window"
    low, high = np.quantile(list(layers.values()), [0.25, 0.75])
    return f"one clear optimum; half of {len(layers)} layers lie within {low:.3g} to {high:.3g}"


def _why_no_evidence(evidence: Evidence, missing: dict[str, str]) -> str:
    found = evidence.answer.scale
    says = "" if found is None else f" ({evidence.name} alone says {found:.3g})"
    because = "; ".join(why for name, why in missing.items() if find_estimator(name).EVIDENCE)
    return f"{evidence.name} is no evidence of scale{says}" + (f"; {because}" if because else "")


def _careless(responses: Responses, evidence: Evidence) -> Judgement | None:
    """The network takes many scales for right, as one trained with scale jitter does."""
    scale, misfit = evidence.answer.scale, evidence.answer.misfit
    if scale is None or misfit is None or CLEAR_RISE * misfit > (gained := rise(evidence)):
        return None
    if gained >= min(CARELESS_RISE, CARELESS_RATIO * misfit):
        return None
    low, high = steady_band(responses, scale, CARELESS_CHANGE)
    window = math.log2(evidence.scales[-1] / evidence.scales[0])
    if math.log2(high / low) < min(CARELESS_OCTAVES, window) - 1e-9:
        return None
    return Judgement(
        "flat",
        f"the network hardly cares: from scale {low:.2g} to {high:.2g} at most "
        f"{CARELESS_CHANGE:.0%} of its predictions change, and no scale there matches what it was "
        "trained on much better than the others",
    )


def _outside(evidence: Evidence) -> Judgement | None:
    """Unlike the training data: too far from it, or further than any change of scale takes it."""
    misfit = evidence.answer.misfit
    if misfit is None:
        return None
    if misfit > OUTSIDE_MISFIT:
        return Judgement(
            "outside",
            "even at the best scale the slide is unlike what the network was trained on: its "
            f"statistics are off by {misfit:.2g} nats per channel, where {OUTSIDE_MISFIT:g} is the "
            "limit",
        )
    gained = rise(evidence)
    if CLEAR_RISE * misfit > gained:
        return Judgement(
            "outside",
            "the slide differs from the training data in more than scale (stain, blur or content): "
            f"{misfit:.2g} nats per channel remain at the best scale, too much beside the "
            f"{gained:.2g} that an octave away would add",
        )
    return None


def _edge(evidence: Evidence) -> Judgement | None:
    """The optimum at an end of the window is a bound, not an estimate."""
    known = evidence.scales[np.isfinite(evidence.answer.score)]
    answers = evidence.resampled_scales
    for end, rule in ((known[0], "or below"), (known[-1], "or above")):
        if evidence.answer.scale == end:
            reason = f"the best scale lies at the end of the window, {end:.3g}, {rule}"
            return Judgement("edge", reason)
        there = (answers == end).sum()
        if there > RIVAL_SHARE * len(answers):
            reason = f"{there / len(answers):.0%} of resamples of the sites prefer the end of the"
            return Judgement("edge", f"{reason} window, {end:.3g}, {rule}")
    return None


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
