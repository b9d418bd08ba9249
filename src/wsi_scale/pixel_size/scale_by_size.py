"""From a network's known µm/px and the size of the slide's pixels to a scale.

The slide's size comes from its metadata where the tissue does not contradict them, else from the
tissue.
"""

from __future__ import annotations

from wsi_scale.judgement.by_size import ScaleBySize
from wsi_scale.judgement.verdicts import Interval
from wsi_scale.pixel_size.audit import StatedMpp, audit_pixels, conflict_words
from wsi_scale.report import PixelAudit, PixelSize


def scale_by_size(
    training_mpp: float | None, stated: StatedMpp, size: PixelSize | None, *, trust: bool = False
) -> ScaleBySize | None:
    """The scale at which the slide has the µm/px that a network wants.

    Parameters
    ----------
    training_mpp : float or None
        µm per network px, if known.
    stated : StatedMpp
        µm per level-0 px that the slide states or the user gave.
    size : PixelSize or None
        What the ruler read from the tissue; None if it was not asked.
    trust : bool
        Whether to follow the stated µm/px even where the tissue contradicts it.

    Returns
    -------
    ScaleBySize or None
        None if one of the two sizes is not known.

    Examples
    --------
    >>> seen = PixelSize(mpp=0.26, interval=(0.2, 0.3), verdict="ok", reason="")
    >>> scale_by_size(0.5, StatedMpp(0.25, "aperio.MPP", ()), seen).scale
    2.0
    >>> round(scale_by_size(0.5, StatedMpp(None, None, ()), seen).scale, 3)
    1.923
    """
    if training_mpp is None:
        return None
    audit = None if size is None else audit_pixels(stated, size)
    conflict = audit is not None and audit.status == "conflict"
    if stated.mpp is not None and (trust or not conflict):
        return _by_statement(training_mpp, stated, size, audit)
    if size is None or size.mpp is None:
        return None
    return _by_tissue(training_mpp, size, audit if conflict else None)


def _by_statement(
    wanted: float, stated: StatedMpp, size: PixelSize | None, audit: PixelAudit | None
) -> ScaleBySize:
    assert stated.mpp is not None
    scale = wanted / stated.mpp
    interval = _over(wanted, size)
    if interval is not None and not interval[0] <= scale <= interval[1]:
        interval = None
    source = "as given" if stated.source == "given" else f"stated by {stated.source or 'the slide'}"
    division = f"{wanted:.3g} µm/px of the network over {stated.mpp:.3g} of the slide, {source}"
    if audit is not None and audit.status == "agree":
        return ScaleBySize(scale, interval, "ok", f"{division}; the tissue agrees")
    why = "the ruler was not asked whether the tissue agrees" if audit is None else audit.reason
    return ScaleBySize(scale, interval, "ambiguous", f"{division}; {why}", by_tissue=False)


def _by_tissue(wanted: float, size: PixelSize, conflict: PixelAudit | None) -> ScaleBySize:
    assert size.mpp is not None
    division = f"{wanted:.3g} µm/px of the network over {size.mpp:.3g} that the tissue shows"
    against = [conflict_words(conflict)] if conflict else []
    reasons = [division, *against, size.reason]
    return ScaleBySize(wanted / size.mpp, _over(wanted, size), size.verdict, "; ".join(reasons))


def _over(wanted: float, size: PixelSize | None) -> Interval | None:
    """The interval of the scale, from that of the size."""
    if size is None or size.interval is None:
        return None
    low, high = size.interval
    return wanted / high, wanted / low
