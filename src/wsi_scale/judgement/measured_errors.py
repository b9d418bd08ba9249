"""What errors that were measured at known scales say against an answer."""

from __future__ import annotations

import numpy as np

from wsi_scale.judgement.evidence import Evidence, Judgement
from wsi_scale.judgement.interval import conformal

WIDEST = 1.25
"""Factor. If one in ten answers was off by more, none is ``ok``: a scale that is wrong by a quarter
is the wrong scale."""

LEVEL = 0.9
"""Share of the errors that must stay below WIDEST."""


def too_wide(evidence: Evidence) -> Judgement | None:
    """Doubt if one error in ten was larger than WIDEST, or would lead out of the window.

    >>> from wsi_scale.estimators import Answer
    >>> scales = np.array([1.0, 2.0, 4.0])
    >>> answer = Answer(-np.abs(np.log2(scales / 2)), 2.0, errors=np.array([0.5, 0.4, 0.1]))
    >>> too_wide(Evidence("profile", scales, answer, ())).verdict
    'ambiguous'
    """
    answer = evidence.answer
    if answer.errors is None or answer.scale is None:
        return None
    factor = float(2 ** conformal(np.abs(answer.errors), LEVEL))
    if factor > WIDEST:
        return Judgement(
            "ambiguous",
            f"where the right scale was known, one answer in ten was off by more than {factor:.2f} "
            f"times; the limit is {WIDEST:g}",
        )
    known = evidence.scales[np.isfinite(answer.score)]
    for end, beyond in (
        (known[0], answer.scale / factor <= known[0]),
        (known[-1], answer.scale * factor >= known[-1]),
    ):
        if beyond:
            return Judgement("edge", f"the interval reaches the end of the window, {end:.3g}")
    return None
