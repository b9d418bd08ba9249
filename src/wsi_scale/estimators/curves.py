"""Arithmetic on score curves that several estimators share. Functions are pure; NaN marks a gap."""

from __future__ import annotations

import numpy as np

from wsi_scale.plumbing.arrays import Array


def peak(scales: Array, score: Array) -> float | None:
    """Scale of the highest score, refined between grid scales.

    Parameters
    ----------
    scales : numpy.ndarray
        (S,) rising, above 0.
    score : numpy.ndarray
        (S,) NaN where nothing was measured.

    Returns
    -------
    float or None
        The top of a parabola, in log-scale, through the highest score and its neighbours. The
        grid scale itself if a neighbour is missing, as at the ends. None if nothing was measured
        or all scores are the same.

    Examples
    --------
    >>> import numpy as np
    >>> scales = np.array([1.0, 2.0, 4.0, 8.0])
    >>> round(peak(scales, np.array([0.0, 3.0, 3.0, 0.0])), 3)
    2.828
    >>> peak(scales, np.array([3.0, 2.0, 1.0, 0.0])), peak(scales, np.zeros(4))
    (1.0, None)
    """
    known = np.isfinite(score)
    if not known.any() or np.nanmax(score) == np.nanmin(score):
        return None
    best = int(np.nanargmax(score))
    return refine(scales, score, best)


def refine(scales: Array, score: Array, index: int) -> float:
    """Scale of a local maximum, refined between grid scales.

    Parameters
    ----------
    scales, score : numpy.ndarray
        (S,) as in ``peak``.
    index : int
        Grid position of the local maximum.

    Returns
    -------
    float
        The top of a parabola, in log-scale, through the maximum and its neighbours; exact if the
        score is quadratic in log-scale. The grid scale itself if a neighbour is missing.

    Examples
    --------
    >>> import numpy as np
    >>> round(refine(np.array([1.0, 2.0, 4.0]), np.array([-1.0, 0.0, -1.0]), 1), 6)
    2.0
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
    """Grid positions of all local maxima, highest first.

    Parameters
    ----------
    score : numpy.ndarray
        (S,) NaN marks gaps, which are skipped.

    Returns
    -------
    list[int]
        A plateau counts once, at its middle. An end counts if the curve falls away from it.

    Examples
    --------
    >>> import numpy as np
    >>> local_peaks(np.array([0, 1, 0, 2, 2, 0.0]))
    [3, 1]
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
    """Values that are averaged over sites many times, as a bootstrap does.

    Parameters
    ----------
    values : numpy.ndarray
        (N, S, …) by site and scale; a patch with any NaN is left out of every mean.

    Examples
    --------
    >>> import numpy as np
    >>> pool = Pool(np.array([[1.0, 4.0], [3.0, np.nan]]))  # two sites, two scales
    >>> pool.mean(np.ones(2)).tolist(), pool.mean(np.array([3.0, 1.0])).tolist()
    ([2.0, 4.0], [1.5, 4.0])
    """

    def __init__(self, values: Array) -> None:
        self._shape = values.shape[1:]
        flat: Array = values.reshape(*values.shape[:2], -1)
        known = np.all(np.isfinite(flat), axis=2)
        self._known = np.asarray(known, float)
        filled = np.where(np.isfinite(flat), flat, 0.0) * self._known[:, :, None]
        self._filled = filled.reshape(len(values), -1)

    def mean(self, weights: Array) -> Array:
        """Mean over the sites.

        Parameters
        ----------
        weights : numpy.ndarray
            (N,) one weight per site, at least 0.

        Returns
        -------
        numpy.ndarray
            (S, …) NaN where no site with a weight above 0 was measured.
        """
        count = weights @ self._known
        total = (weights @ self._filled).reshape(len(count), -1)
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = np.where(count[:, None] > 0, total / count[:, None], np.nan)
        return np.asarray(mean.reshape(self._shape))


def weighted_median(values: Array, weights: Array) -> float | None:
    """Weighted median.

    Parameters
    ----------
    values : numpy.ndarray
        (N,) values that are not finite are ignored.
    weights : numpy.ndarray
        (N,) at least 0.

    Returns
    -------
    float or None
        With equal weights this is NumPy's median; a tie gives the mean of the two middle values.
        None if no finite value has a weight above 0.

    Examples
    --------
    >>> import numpy as np
    >>> values = np.array([1.0, 2.0, 10.0])
    >>> weighted_median(values, np.ones(3)), weighted_median(values, np.array([1.0, 1.0, 2.0]))
    (2.0, 6.0)
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
