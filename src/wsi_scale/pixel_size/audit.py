"""Compares the µm/px stated for a slide with its tissue: agree, conflict or undecidable.

The value in use is never changed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from wsi_scale.judgement.verdicts import Interval, Verdict
from wsi_scale.judgement.wide_interval import WIDEST
from wsi_scale.report import PixelAudit, PixelField, PixelSize, PixelStatus
from wsi_scale.slide.base import Slide
from wsi_scale.slide.metadata import Finding
from wsi_scale.slide.resolution import mean_mpp

AGREE = math.log2(WIDEST)
"""Octaves. Up to this distance, a quarter, the stated µm/px and the pixels agree."""

CONFLICT = 0.6
"""Octaves. From this distance on they conflict, if the stated value lies outside the interval that
surely holds the right one."""


class StatedMpp(NamedTuple):
    """The µm/px in use, and everything that the file states."""

    mpp: float | None
    """Mean of x and y; None if the µm/px is not known."""
    source: str | None
    findings: Sequence[Finding]


def stated_mpp(slide: Slide) -> StatedMpp:
    """The µm/px of a slide, in use and stated."""
    return StatedMpp(mean_mpp(slide.mpp), slide.mpp_source, slide.audit)


def audit_slide(slide: Slide, size: PixelSize) -> PixelAudit:
    """The µm/px of a slide, in use and stated, compared with what its tissue shows."""
    return audit_pixels(stated_mpp(slide), size)


def audit_pixels(claim: StatedMpp, size: PixelSize) -> PixelAudit:
    """Comparison of the stated µm/px with the tissue, with a reason in one sentence.

    The status is ``undecidable`` without a stated value, between the thresholds AGREE and CONFLICT,
    and under any verdict but ``ok``; but an ``ambiguous`` answer of the ruler decides by its
    intervals, which were measured: they agree inside the 90 % interval.

    Parameters
    ----------
    claim : StatedMpp
        The µm/px in use, and every statement of the file.
    size : PixelSize
        What the ruler, or a network of known training µm/px, read.

    Returns
    -------
    PixelAudit
        Status and distance in octaves, for the value in use and for every stated field.

    Examples
    --------
    >>> seen = PixelSize(mpp=0.5, interval=(0.4, 0.625), verdict="ok", reason="")
    >>> audit = audit_pixels(StatedMpp(0.499, "aperio.MPP", ()), seen)
    >>> audit.status
    'agree'
    >>> audit.reason
    'the tissue suggests 0.5 µm/px (0.4–0.625), which agrees with the stated 0.499 (aperio.MPP)'
    """
    seen = size.mpp
    away = None if claim.mpp is None or seen is None else math.log2(claim.mpp / seen)
    fields = [
        PixelField(
            source=one.source,
            mpp=one.mpp,
            octaves=math.log2(one.mpp / seen),
            status=_status(one.mpp, size),
        )
        for one in claim.findings
        if seen is not None
        and one.mpp is not None
        and (size.verdict == "ok" or in_doubt_but_measured(size))
    ]
    audit = PixelAudit(
        status="undecidable" if claim.mpp is None else _status(claim.mpp, size),
        claimed_mpp=claim.mpp,
        claimed_source=claim.source,
        slide_mpp=seen,
        slide_mpp_interval=size.interval,
        octaves=away,
        fields=fields,
        reason="",
    )
    return audit.model_copy(update={"reason": _reason(audit, size)})


def conflict_words(audit: PixelAudit, follows: str = "") -> str:
    """A conflict in one sentence. follows: what is done about it, a clause; none: it is not said.

    >>> audit = audit_pixels(
    ...     StatedMpp(0.25, "given", ()),
    ...     PixelSize(mpp=0.5, interval=(0.4, 0.6), verdict="ok", reason=""),
    ... )
    >>> conflict_words(audit, "the scale follows the tissue")[-64:]
    'the given 0.25, a factor of 2 away; the scale follows the tissue'
    """
    clause = f"; {follows}" if follows else ""
    return (
        f"the tissue suggests {_seen(audit, 'ok')}, which conflicts with {_stated(audit)}, "
        f"{_far(audit)} away{clause}{_others(audit)}"
    )


def _status(stated: float, size: PixelSize) -> PixelStatus:
    """Status of one stated µm/px.

    >>> sure = PixelSize(mpp=0.5, interval=(0.4, 0.6), surely=(0.35, 0.7), verdict="ok", reason="")
    >>> _status(0.45, sure), _status(0.25, sure)
    ('agree', 'conflict')
    """
    if size.mpp is None or not (size.verdict == "ok" or in_doubt_but_measured(size)):
        return "undecidable"
    away = abs(math.log2(stated / size.mpp))
    if away >= CONFLICT and not _holds(size.surely or size.interval, stated):
        return "conflict"
    agrees = away <= AGREE and (size.verdict == "ok" or _holds(size.interval, stated))
    return "agree" if agrees else "undecidable"


def in_doubt_but_measured(size: PixelSize) -> bool:
    """Whether an ``ambiguous`` answer has intervals that were measured on unseen laboratories."""
    return size.verdict == "ambiguous" and size.surely is not None


def _holds(interval: Interval | None, value: float) -> bool:
    """Whether an interval holds a value; one that is not known holds all."""
    return interval is None or interval[0] <= value <= interval[1]


def _reason(audit: PixelAudit, size: PixelSize) -> str:
    """One sentence, without capital letter and full stop."""
    verdict = size.verdict
    if audit.slide_mpp is None:
        why = size.reason or f"the verdict is {verdict.replace('_', ' ')}"
        return f"pixel size cannot be estimated: {why}"
    if audit.claimed_mpp is None:
        shown = "ok" if in_doubt_but_measured(size) else verdict
        return f"the file states no µm/px; the tissue suggests {_seen(audit, shown)}"
    if audit.status == "conflict":
        return conflict_words(audit, "the stated value stays in use")
    seen = f"the tissue suggests {_seen(audit, 'ok')}"
    if verdict != "ok" and audit.status == "undecidable":
        return (
            f"the size of the tissue is in doubt ({verdict}), so it neither confirms nor refutes "
            f"{_stated(audit)}; it suggests {audit.slide_mpp:.3g} µm/px (unreliable)"
        )
    if audit.status == "agree":
        return f"{seen}, which agrees with {_stated(audit)}"
    why = "too far to agree, " + (
        "but inside the interval that surely holds it"
        if abs(audit.octaves or 0) >= CONFLICT
        else "too near to conflict"
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
    return f"a factor of {2 ** abs(audit.octaves or 0):.2g}"


def _others(audit: PixelAudit) -> str:
    """Other fields that agree with the pixels, one for each value."""
    agreeing: dict[str, PixelField] = {}
    for one in audit.fields:
        if one.status == "agree":
            agreeing.setdefault(f"{one.mpp:.2g}", one)
    told = [f"{one.source} says {one.mpp:.3g}, which agrees" for one in agreeing.values()]
    return "".join(f"; {one}" for one in told)
