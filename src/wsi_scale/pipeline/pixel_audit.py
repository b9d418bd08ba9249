"""What a slide's pixels say against the µm/px that is stated for it: agree, conflict, undecidable.

The network was trained at known µm/px and sees the slide best at some scale; so the slide's pixels
have training µm/px over scale. Nothing is overruled by it: what was in use stays in use.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from wsi_scale.judgement.verdicts import Interval, Verdict
from wsi_scale.report import PixelAudit, PixelField, PixelStatus, Ruler
from wsi_scale.slide.metadata import Finding

AGREE = 0.4
"""Octaves up to which the stated µm/px and the pixels agree."""

CONFLICT = 0.6
"""Octaves from which on they conflict, if the stated value lies outside the interval too."""


class StatedMpp(NamedTuple):
    """The µm/px in use, and everything that was stated."""

    mpp: float | None
    """Mean of x and y; None where nothing is in use."""
    source: str | None
    findings: Sequence[Finding]


def audit_pixels(claim: StatedMpp, ruler: Ruler, verdict: Verdict) -> PixelAudit:
    """Hold what is stated against what the pixels look like.

    ruler: its ``slide_mpp`` and interval, from a network whose training µm/px is known.
    Undecidable without a stated value, under any verdict but ok, and between the thresholds.
    """
    seen, interval = ruler.slide_mpp, ruler.slide_mpp_interval
    away = None if claim.mpp is None or seen is None else math.log2(claim.mpp / seen)
    decided = verdict == "ok" and seen is not None
    fields = [
        PixelField(
            source=one.source,
            mpp=one.mpp,
            octaves=math.log2(one.mpp / seen),
            status=_status(one.mpp, seen, interval),
        )
        for one in claim.findings
        if decided and seen is not None and one.mpp is not None
    ]
    status = (
        _status(claim.mpp, seen, interval)
        if decided and claim.mpp is not None and seen is not None
        else "undecidable"
    )
    audit = PixelAudit(
        status=status,
        claimed_mpp=claim.mpp,
        claimed_source=claim.source,
        slide_mpp=seen,
        slide_mpp_interval=interval,
        octaves=away,
        fields=fields,
        reason="",
    )
    return audit.model_copy(update={"reason": _reason(audit, verdict)})


def _status(stated: float, seen: float, interval: Interval | None) -> PixelStatus:
    """0.5 stated, 0.45 seen -> agree; 0.25 stated, 0.5 seen in 0.4–0.6 -> conflict."""
    away = abs(math.log2(stated / seen))
    if away <= AGREE:
        return "agree"
    outside = interval is not None and not interval[0] <= stated <= interval[1]
    return "conflict" if away >= CONFLICT and outside else "undecidable"


def _reason(audit: PixelAudit, verdict: Verdict) -> str:
    """One sentence, without an end."""
    if audit.slide_mpp is None:
        return f"the pixels tell no µm/px: the verdict is {verdict.replace('_', ' ')}"
    if audit.claimed_mpp is None:
        doubt = "" if verdict == "ok" else f", though the verdict is {verdict}"
        return f"no µm/px is stated to be compared; the pixels look like {_seen(audit)}{doubt}"
    if verdict != "ok":
        return (
            f"the pixels neither confirm nor refute {_stated(audit)}: the verdict is {verdict}; "
            f"taken at its word the answer means {audit.slide_mpp:.3g} µm/px"
        )
    if audit.status == "agree":
        return f"the pixels look like {_seen(audit)}, which agrees with {_stated(audit)}"
    if audit.status == "conflict":
        return (
            f"the pixels look like {_seen(audit)}, which conflicts with {_stated(audit)}, "
            f"{_far(audit)} away: that value or the network's training µm/px is wrong; nothing was "
            f"overruled{_others(audit)}"
        )
    why = "too far to agree, " + (
        "yet inside the interval" if abs(audit.octaves or 0) >= CONFLICT else "too near to conflict"
    )
    return f"the pixels look like {_seen(audit)}, {_far(audit)} from {_stated(audit)}: {why}"


def _seen(audit: PixelAudit) -> str:
    interval = audit.slide_mpp_interval
    span = f" ({interval[0]:.3g}–{interval[1]:.3g})" if interval else ""
    return f"{audit.slide_mpp:.3g} µm/px{span}"


def _stated(audit: PixelAudit) -> str:
    if audit.claimed_source == "given":
        return f"the given {audit.claimed_mpp:.3g}"
    return f"the {audit.claimed_mpp:.3g} of {audit.claimed_source or 'the slide'}"


def _far(audit: PixelAudit) -> str:
    return f"{abs(audit.octaves or 0):.2f} octaves"


def _others(audit: PixelAudit) -> str:
    """Fields that agree where the one in use does not, one for each value."""
    agreeing: dict[str, PixelField] = {}
    for one in audit.fields:
        if one.status == "agree":
            agreeing.setdefault(f"{one.mpp:.2g}", one)
    told = [f"{one.source} says {one.mpp:.3g}, which agrees" for one in agreeing.values()]
    return "".join(f"; {one}" for one in told)
