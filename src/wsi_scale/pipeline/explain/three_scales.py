"""Which scales are shown: the one found and two wrong ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

NEAREST = 2**0.5
"""A wrong scale is at least this factor away from the answer; half an octave."""


def three_scales(answer: float | None, lo: float, hi: float) -> tuple[float, ...]:
    """The answer, and scales that are wrong by a factor of two, within a window.

    Where the window has no room on one side, both wrong scales lie on the other. Without an answer
    the scales divide the window.

    Parameters
    ----------
    answer : float or None
        The scale found, level-0 px per network px.
    lo, hi : float
        Ends of the window.

    Returns
    -------
    tuple of float
        Rising; three, or fewer if the window has no room.

    Examples
    --------
    >>> three_scales(2.0, 0.5, 16), three_scales(16.0, 0.5, 16)
    ((1.0, 2.0, 4.0), (4.0, 8.0, 16.0))
    >>> [round(scale, 6) for scale in three_scales(None, 1, 64)]
    [2.0, 8.0, 32.0]
    """
    if answer is None:
        return tuple(float(lo * (hi / lo) ** share) for share in (1 / 6, 1 / 2, 5 / 6))
    answer = min(answer, hi)
    finer, coarser = max(lo, answer / 2), min(hi, answer * 2)
    wrong = [scale for scale in (finer, coarser) if _is_away(scale, answer)]
    if wrong == [coarser]:
        wrong.append(_further(coarser, answer * 4, hi, answer))
    elif wrong == [finer]:
        wrong.append(_further(finer, answer / 4, lo, answer))
    return tuple(sorted({answer, *wrong}))


def _is_away(scale: float, answer: float) -> bool:
    return max(scale / answer, answer / scale) >= NEAREST * (1 - 1e-9)


def _further(wrong: float, wished: float, end: float, answer: float) -> float:
    """A second wrong scale on the side of the first: beyond it, else between it and the answer."""
    beyond = min(wished, end) if wished > answer else max(wished, end)
    return beyond if _is_away(beyond, wrong) else float(np.sqrt(wrong * answer))


def nearest(scales: Sequence[float], scale: float) -> int:
    """Position of the scale that is nearest, in octaves.

    >>> nearest((1, 2, 4), 3)
    2
    """
    return int(np.abs(np.log2(np.asarray(scales, float) / scale)).argmin())
