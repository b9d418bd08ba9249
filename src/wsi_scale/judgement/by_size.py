"""The route of the ruler: a network's known µm/px over the size of the slide's pixels.

It answers for every network whose µm/px is known and that has no better evidence of its own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from wsi_scale.judgement.estimate import Estimate
from wsi_scale.judgement.repeats import COUNT_AS_ONE
from wsi_scale.judgement.verdicts import NUMBERED, Interval, Verdict
from wsi_scale.judgement.wide_interval import is_near

RULER = "ruler"
"""What this route is called as an estimator."""

OWN_ANSWER = "the network's own answer"
"""A warning about what the network itself said begins so."""

NOT_SQUARE = "pixels are not square"
"""A reason or a warning about the shape of pixels begins so."""

APART = 0.25
"""Octaves. An ``ok`` answer of the network may differ this much from a scale that comes without an
interval."""

FAR = 0.6
"""Octaves. An answer of the network that is in doubt speaks against an ``ok`` scale from here on,
if its interval excludes it; as stated µm/px are in conflict with the tissue from there on."""

_UNTOLD: frozenset[Verdict] = frozenset({"outside", "edge"})
"""Verdicts on the tissue under which its size says less than the network itself."""


@dataclass(frozen=True)
class ScaleBySize:
    """The scale at which the slide's pixels become as large as those that a network wants."""

    scale: float
    """Level-0 px per network px."""
    interval: Interval | None
    """None if the tissue tells none that holds the scale."""
    verdict: Verdict
    reason: str
    by_tissue: bool = True
    """Whether the tissue had a say: it was read, or it confirmed what was stated."""


def follow_size(own: Estimate, route: ScaleBySize | None, *, named: bool = False) -> Estimate:
    """The answer to take: the network's own, or that of the route; doubts of both are told.

    An own answer that is ``ok`` is kept where the tissue does not contradict it. Without a route
    the own answer stays.

    Parameters
    ----------
    own : Estimate
        What the network itself answered.
    route : ScaleBySize or None
        The route of the ruler; None if a size is missing.
    named : bool
        Whether the user asked for the ruler by name, so that the own answer only stands beside.

    Returns
    -------
    Estimate
        Its estimator is ``ruler`` where the route was taken.

    Examples
    --------
    >>> from wsi_scale.geometry import ScaleGrid
    >>> from wsi_scale.judgement.estimate import blank_estimate
    >>> nothing = blank_estimate(ScaleGrid((1.0, 2.0)), 0.9, "")
    >>> own = replace(nothing, verdict="no_evidence", reason="it has no BatchNorm")
    >>> answer = follow_size(own, ScaleBySize(1.5, None, "ok", "0.75 µm/px over 0.5"))
    >>> answer.estimator, answer.scale, answer.verdict
    ('ruler', 1.5, 'ok')
    """
    if route is None or own.verdict == "blank":
        return own
    heard = replace(own, voices={**own.voices, RULER: route.scale})
    if own.verdict == "ok" and not named:
        return beside_size(own, route)
    if route.verdict == "ok" and _speaks_against(own, route):
        return _doubted(_taken(heard, route), own)
    if named:
        return _taken(heard, route)
    if own.verdict in NUMBERED and (route.verdict in _UNTOLD or not route.by_tissue):
        return heard
    return _taken(heard, route)


def beside_size(own: Estimate, route: ScaleBySize | None) -> Estimate:
    """The network's own answer, which is not ``ok`` if the tissue contradicts it.

    >>> from wsi_scale.geometry import ScaleGrid
    >>> from wsi_scale.judgement.estimate import blank_estimate
    >>> own = replace(blank_estimate(ScaleGrid((1.0, 2.0)), 0.9, ""), verdict="ok", scale=2.0)
    >>> beside_size(own, ScaleBySize(1.9, None, "ok", "")).verdict
    'ok'
    """
    if route is None:
        return own
    heard = replace(own, voices={**own.voices, RULER: route.scale})
    return _contradicted(heard, route) if _contradicts(own, route) else heard


def _speaks_against(own: Estimate, route: ScaleBySize) -> bool:
    """Whether an own answer, unless the slide is unlike its training, excludes a scale."""
    if own.verdict not in ("ok", "ambiguous") or own.scale is None or own.interval is None:
        return False
    if any(is_near(scale, route.scale) for scale, _ in own.candidates):
        return False
    inside = own.interval[0] <= route.scale <= own.interval[1]
    return not inside and abs(math.log2(own.scale / route.scale)) >= FAR


def _doubted(taken: Estimate, own: Estimate) -> Estimate:
    """The route's answer, now ``ambiguous``, with both scales as candidates."""
    assert own.scale is not None
    assert taken.scale is not None
    apart = max(own.scale / taken.scale, taken.scale / own.scale)
    reason = (
        f"{taken.reason}; but the network's own answer ({own.estimator}: {own.scale:.3g}) is "
        f"{apart:.2f} times away and excludes it: the µm/px told for the network may be wrong, or "
        "this tissue misleads it"
    )
    others = tuple(x for x in taken.warnings if not x.startswith(OWN_ANSWER))
    return replace(
        taken,
        verdict="ambiguous",
        reason=reason,
        candidates=_candidates(own, taken.scale, own.scale),
        warnings=others,
    )


def _contradicts(own: Estimate, route: ScaleBySize) -> bool:
    """Whether the route excludes an own answer."""
    if own.verdict != "ok" or own.scale is None or route.verdict in _UNTOLD or not route.by_tissue:
        return False
    if route.interval is not None:
        return not route.interval[0] <= own.scale <= route.interval[1]
    return abs(math.log2(own.scale / route.scale)) > APART


def _contradicted(own: Estimate, route: ScaleBySize) -> Estimate:
    """The own answer, now ``ambiguous``, with both scales as candidates."""
    reason = (
        f"the network's own answer ({own.estimator}: {own.scale:.3g}) is contradicted by the size "
        f"of the tissue (ruler: {route.scale:.3g}): {route.reason}"
    )
    assert own.scale is not None
    return replace(
        own, verdict="ambiguous", reason=reason, candidates=_candidates(own, own.scale, route.scale)
    )


def _candidates(own: Estimate, *scales: float) -> tuple[tuple[float, float], ...]:
    """Scales, each with the score at the measured scale nearest to it."""
    known = np.isfinite(own.score)
    at = [np.argmin(np.abs(np.log(own.scales[known] / scale))) for scale in scales]
    return tuple(zip(scales, own.score[known][at].tolist(), strict=True))


def _taken(own: Estimate, route: ScaleBySize) -> Estimate:
    """The route's answer, with what the network itself said as a warning, unless both agree."""
    return replace(
        own,
        estimator=RULER,
        scale=route.scale,
        interval=route.interval,
        verdict=route.verdict,
        reason=route.reason,
        tolerance=None,
        candidates=(),
        warnings=(*(x for x in own.warnings if not x.endswith(COUNT_AS_ONE)), *_beside(own, route)),
        site_scales=(None,) * len(own.sites),
        site_scores=(),
        classes=(),
    )


def _beside(own: Estimate, route: ScaleBySize) -> tuple[str, ...]:
    """What the network itself said, unless nothing was asked of it, or it only says less surely
    what the route says."""
    if not own.scales.size or not own.sites:
        return ()
    if route.verdict == "ok" and _says_the_same(own, route):
        return ()
    if own.verdict == "no_evidence":
        return (f"nothing in the network itself speaks for this scale or against it: {own.reason}",)
    said = "" if own.scale is None else f" {own.scale:.3g}"
    return (f"{OWN_ANSWER} ({own.estimator}){said} is {own.verdict}: {own.reason}",)


def _says_the_same(own: Estimate, route: ScaleBySize) -> bool:
    """Whether the own answer is in doubt only because its interval is wide, and is near the
    route's."""
    if own.verdict != "ambiguous" or own.candidates or own.scale is None or own.interval is None:
        return False
    return is_near(own.scale, route.scale) and own.interval[0] <= route.scale <= own.interval[1]
