"""Compares the µm/px stated for a slide with its pixels: agree, conflict or undecidable.

The network was trained at a known µm/px and sees the slide best at some scale, so the size of the
slide's pixels is training µm/px / scale. The value in use is never changed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from wsi_scale.judgement.verdicts import Interval, Verdict
from wsi_scale.report import PixelAudit, PixelField, PixelStatus, Ruler
from wsi_scale.slide.metadata import Finding

AGREE = 0.4
"""Octaves. Up to this distance the stated µm/px and the pixels agree."""

CONFLICT = 0.6
"""Octaves. From this distance on they conflict, if the interval does not hold the stated value."""


class StatedMpp(NamedTuple):
    """The µm/px in use, and everything that the file states."""

    mpp: float | None
    """Mean of x and y; None if the µm/px is not known."""
    source: str | None
    findings: Sequence[Finding]


def audit_pixels(claim: StatedMpp, ruler: Ruler, verdict: Verdict) -> PixelAudit:
    """Comparison of the stated µm/px with the pixels, with a reason in one sentence.

    The status is ``undecidable`` without a stated value, under any verdict but ``ok``, and between
    the thresholds AGREE and CONFLICT.

    Parameters
    ----------
    claim : StatedMpp
        The µm/px in use, and every statement of the file.
    ruler : Ruler
        Its ``slide_mpp`` and ``slide_mpp_interval``, in µm/px, are what the pixels suggest.
    verdict : str
        The verdict of the estimate that gave the ruler.

    Returns
    -------
    PixelAudit
        Status and distance in octaves, for the value in use and for every stated field.

    Examples
    --------
    >>> seen = Ruler(slide_mpp=0.5, slide_mpp_interval=(0.4, 0.625))
    >>> audit = audit_pixels(StatedMpp(0.499, "aperio.MPP", ()), seen, "ok")
    >>> audit.status
    'agree'
    >>> audit.reason
    'the tissue suggests 0.5 µm/px (0.4–0.625), which agrees with the stated 0.499 (aperio.MPP)'
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
    """Status of one stated µm/px.

    >>> _status(0.5, 0.45, None), _status(0.25, 0.5, (0.4, 0.6))
    ('agree', 'conflict')
    """
    away = abs(math.log2(stated / seen))
    if away <= AGREE:
        return "agree"
    outside = interval is not None and not interval[0] <= stated <= interval[1]
    return "conflict" if away >= CONFLICT and outside else "undecidable"


def _reason(audit: PixelAudit, verdict: Verdict) -> str:
    """One sentence, without capital letter and full stop."""
    if audit.slide_mpp is None:
        return f"pixel size cannot be estimated: the verdict is {verdict.replace('_', ' ')}"
    if audit.claimed_mpp is None:
        return f"the file states no µm/px; the tissue suggests {_seen(audit, verdict)}"
    if verdict != "ok":
        return (
            f"the verdict is {verdict}, so the tissue neither confirms nor refutes "
            f"{_stated(audit)}; it suggests {audit.slide_mpp:.3g} µm/px (unreliable)"
        )
    seen = f"the tissue suggests {_seen(audit, verdict)}"
    if audit.status == "agree":
        return f"{seen}, which agrees with {_stated(audit)}"
    if audit.status == "conflict":
        return (
            f"{seen}, which conflicts with {_stated(audit)}, {_far(audit)} away: either that value "
            f"or the network's training µm/px is wrong; the stated value stays in use"
            f"{_others(audit)}"
        )
    why = "too far to agree, " + (
        "but inside the interval" if abs(audit.octaves or 0) >= CONFLICT else "too near to conflict"
    )
    return f"{seen}, {_far(audit)} from {_stated(audit)}: {why}"


def _seen(audit: PixelAudit, verdict: Verdict) -> str:
    if verdict != "ok":
        return f"{audit.slide_mpp:.3g} (unreliable)"
    interval = audit.slide_mpp_interval
    span = f" ({interval[0]:.3g}–{interval[1]:.3g})" if interval else ""
    return f"{audit.slide_mpp:.3g} µm/px{span}"


def _stated(audit: PixelAudit) -> str:
    if audit.claimed_source == "given":
        return f"the given {audit.claimed_mpp:.3g}"
    return f"the stated {audit.claimed_mpp:.3g} ({audit.claimed_source or 'the slide'})"


def _far(audit: PixelAudit) -> str:
    return f"{abs(audit.octaves or 0):.2f} octaves"


def _others(audit: PixelAudit) -> str:
    """Other fields that agree with the pixels, one for each value."""
    agreeing: dict[str, PixelField] = {}
    for one in audit.fields:
        if one.status == "agree":
            agreeing.setdefault(f"{one.mpp:.2g}", one)
    told = [f"{one.source} says {one.mpp:.3g}, which agrees" for one in agreeing.values()]
    return "".join(f"; {one}" for one in told)
