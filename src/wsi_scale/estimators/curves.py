"""Arithmetic on score curves that several estimators share. All pure; NaN marks a gap."""

from __future__ import annotations

import numpy as np

from wsi_scale.plumbing.arrays import Array


def peak(scales: Array, score: Array) -> float | None:
    """Scale of the highest score, by a parabola through it and its neighbours in log-scale.

    scales, score: (S,). The parabola is used where both neighbours were measured; at an end of
    the curve the grid scale itself is the answer. None where nothing was measured or the score
    is the same everywhere.
    """
    known = np.isfinite(score)
    if not known.any() or np.nanmax(score) == np.nanmin(score):
        return None
    best = int(np.nanargmax(score))
    return refine(scales, score, best)


def refine(scales: Array, score: Array, index: int) -> float:
    """Scale of the parabola's top near a local maximum at a grid position.

    (1, 2, 4), (−1, 0, −1), 1 -> 2.0. Exact for scores quadratic in log-scale, on any grid.
    """
    around = score[max(index - 1, 0) : index + 2]
    if len(around) < 3 or not np.isfinite(around).all():
        return float(scales[index])
    x = np.log(scales[index - 1 : index + 2])
    y = around
    left, right = (y[1] - y[0]) / (x[1] - x[0]), (y[2] - y[1]) / (x[2] - x[1])
    if right >= left:
        return float(scales[index])
    top = (x[0] + x[1]) / 2 - left * (x[2] - x[0]) / 2 / (right - left)
    return float(np.exp(np.clip(top, x[0], x[2])))


def local_peaks(score: Array) -> list[int]:
    """Grid positions of all local maxima, highest first; a plateau counts once, at its middle.

    (0, 1, 0, 2, 2, 0) -> [3, 1]. Ends count when the curve falls away from them; gaps are skipped.
    """
    known = np.flatnonzero(np.isfinite(score))
    if len(known) == 0:
        return []
    values = score[known]
    starts = np.flatnonzero(np.r_[True, np.diff(values) != 0])
    stops = np.r_[starts[1:], len(values)] - 1
    level = values[starts]
    step = np.r_[1.0, np.diff(level), -1.0]
    tops = np.flatnonzero((step[:-1] > 0) & (step[1:] < 0))
    middles = known[(starts[tops] + stops[tops]) // 2]
    return [int(i) for i in middles[np.argsort(-score[middles], kind="stable")]]


class Pool:
    """Values (N, S, …) to be averaged over sites again and again, as a bootstrap does.

    A patch that was not cut is NaN in all its values and is left out of the mean.
    """

    def __init__(self, values: Array) -> None:
        self._shape = values.shape[1:]
        flat: Array = values.reshape(*values.shape[:2], -1)
        known = np.all(np.isfinite(flat), axis=2)
        self._known = np.asarray(known, float)
        filled = np.where(np.isfinite(flat), flat, 0.0) * self._known[:, :, None]
        self._filled = filled.reshape(len(values), -1)

    def mean(self, weights: Array) -> Array:
        """(S, …) mean by weights (N,); NaN where no weighted site was measured."""
        count = weights @ self._known
        total = (weights @ self._filled).reshape(len(count), -1)
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = np.where(count[:, None] > 0, total / count[:, None], np.nan)
        return np.asarray(mean.reshape(self._shape))


def weighted_median(values: Array, weights: Array) -> float | None:
    """Median of values (N,) by weights (N,); the mean of the two middle values when it is a tie.

    With equal weights this is numpy's median. None when no value is finite and weighted.
    """
    use = np.isfinite(values) & (weights > 0)
    if not use.any():
        return None
    order = np.argsort(values[use], kind="stable")
    v, w = values[use][order], weights[use][order]
    reached = np.cumsum(w) / w.sum()
    low = v[np.searchsorted(reached, 0.5 - 1e-12)]
    high = v[min(int(np.searchsorted(reached, 0.5 + 1e-12)), len(v) - 1)]
    return float((low + high) / 2)
