"""The method of the thesis: the median of all extrema of the smoothed responses.

Reproduced as written. Its answer stays near the middle of the window that is searched, so it is a
baseline and never evidence; docs/estimators.md shows the figures.
Source: the MSU thesis (2022), sections 5.3–5.7.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from wsi_scale.estimators.contract import Answer, Options, Scorer, Unavailable
from wsi_scale.estimators.curves import weighted_median
from wsi_scale.plumbing.arrays import Array
from wsi_scale.responses.layer import LayerResponses
from wsi_scale.responses.record import Responses

NAME = "extrema"
ORDER = 30
NEEDS = "gradients of the target class at a pooled layer"
EVIDENCE = False
OPTIONS = ("sigma", "keep_percent", "statistic", "gradient")


def prepare(responses: Responses, options: Options) -> Scorer:
    """Find every pyramid's own answer once; the weights of the sites only move their median."""
    layer = gradient_layer(responses, options)
    scales = np.array(responses.grid.scales)
    found = channel_extrema(scales, responses.on_grid(layer.mean), options.sigma)
    found = of_kept(found, kept(responses, layer, options))
    answers = pool(found, options.statistic)
    density = _density(scales, found)

    def score(weights: Array) -> Answer:
        if options.statistic == "mean":
            use = np.isfinite(answers) & (weights > 0)
            best = float(np.average(answers[use], weights=weights[use])) if use.any() else None
        else:
            best = weighted_median(answers, weights)
        return Answer(score=weights @ density / max(float(weights.sum()), 1e-12), scale=best)

    return score


def gradient_layer(responses: Responses, options: Options) -> LayerResponses:
    """The layer whose gradients were measured. Raises Unavailable if there is none."""
    for layer in responses.layers:
        slopes = gradients_of(layer, options)
        if slopes is not None and np.isfinite(slopes).any():
            return layer
    if options.gradient == "after":
        raise Unavailable("no gradient of the probability after softmax was measured")
    raise Unavailable("no gradient of the prediction could be taken inside the network")


def gradients_of(layer: LayerResponses, options: Options) -> NDArray[np.float32] | None:
    """(R, C) gradients before or after softmax, by option; None if not measured."""
    return layer.gradient if options.gradient == "before" else layer.probability_gradient


def kept(responses: Responses, layer: LayerResponses, options: Options) -> NDArray[np.bool_]:
    """(N, C) True for the channels that each pyramid keeps; all False without a patch."""
    gradients = responses.on_grid(np.asarray(gradients_of(layer, options)))
    out = np.zeros((gradients.shape[0], gradients.shape[2]), bool)
    for row, pyramid in zip(out, gradients, strict=True):
        cut = np.isfinite(pyramid).all(axis=1)
        if cut.any():
            row[kept_channels(channel_weights(pyramid[cut]), options.keep_percent)] = True
    return out


def channel_extrema(scales: Array, values: Array, sigma: float) -> Array:
    """Scales (N, C, E) of the extrema of smoothed responses and of their derivatives.

    values: (N, S, C); scales that were not cut (NaN) may lie only at the ends and are ignored.
    E is the largest number of extrema of any channel; other rows are filled with NaN.
    """
    known = np.isfinite(values).all(axis=2)
    out = np.full((values.shape[0], values.shape[2], 2 * len(scales)), np.nan)
    for cut in np.unique(known, axis=0):
        if cut.sum() < 3:
            continue
        sites = np.flatnonzero((known == cut).all(axis=1))
        x = scales[cut]
        y = smooth(values[np.ix_(sites, cut)].swapaxes(0, 1).reshape(len(x), -1), sigma)
        both = np.concatenate([extrema(x, y), extrema(x, derivative(x, y))])
        out[sites, :, : len(both)] = both.T.reshape(len(sites), -1, len(both))
    out.sort(axis=2)  # NaN last
    most = int(np.isfinite(out).sum(axis=2).max(initial=0))
    return np.asarray(out[:, :, :most])


def of_kept(found: Array, keep: NDArray[np.bool_]) -> Array:
    """Extrema (N, C · E) of the channels that each pyramid keeps; NaN for the others.

    found: (N, C, E); keep: (N, C).
    """
    return np.where(keep[:, :, None], found, np.nan).reshape(len(found), -1)


def pool(found: Array, statistic: str) -> Array:
    """Median or mean (N,) of the finite values of every row of ``found`` (N, E); NaN without any.

    >>> pool(np.array([[1.0, 2.0, np.nan], [np.nan, np.nan, np.nan]]), "median").tolist()
    [1.5, nan]
    """
    counts = np.isfinite(found).sum(axis=1)
    out = np.full(len(found), np.nan)
    some = counts > 0
    middle = np.nanmean if statistic == "mean" else np.nanmedian
    if some.any():
        out[some] = middle(found[some], axis=1)
    return out


def smooth(values: Array, sigma: float) -> Array:
    """Values (S, C), smoothed along the grid by a Gaussian; sigma in grid steps, 0 = unchanged.

    The ends are mirrored (SciPy's ``reflect``). Source: thesis section 5.3.
    """
    if sigma == 0:
        return values
    return np.asarray(gaussian_filter1d(values, sigma, axis=0, mode="reflect"))


def channel_weights(gradients: Array) -> Array:
    """Weight (C,) of each channel: its mean gradient over the scales, signed. gradients: (S, C).

    Source: thesis section 5.4.
    """
    return np.asarray(gradients.mean(axis=0))


def kept_channels(weights: Array, percent: float) -> list[int]:
    """Positions of the ``percent`` % of channels with the largest |weight|, at least one.

    Ties keep the lower position. Source: thesis section 5.4.

    >>> kept_channels(np.array([0.1, -3.0, 2.0, 0.5]), 50)
    [1, 2]
    """
    count = max(1, round(len(weights) * percent / 100))
    order = np.argsort(-np.abs(weights), kind="stable")
    return sorted(int(i) for i in order[:count])


def derivative(x: Array, y: Array) -> Array:
    """Slope of y (S, …) along its first axis: central differences, one-sided at the two ends.

    On the thesis's even grid this is (y[i+1] − y[i−1]) / (x[i+1] − x[i−1]). Source: thesis section
    5.5.

    >>> derivative(np.array([0.0, 1.0, 2.0]), np.array([0.0, 1.0, 4.0])).tolist()
    [1.0, 2.0, 3.0]
    """
    step = x.reshape(-1, *(1,) * (y.ndim - 1))
    out: Array = np.empty_like(y)
    out[1:-1] = (y[2:] - y[:-2]) / (step[2:] - step[:-2])
    out[0] = (y[1] - y[0]) / (x[1] - x[0])
    out[-1] = (y[-1] - y[-2]) / (x[-1] - x[-2])
    return out


def extrema(x: Array, y: Array) -> Array:
    """Places (S − 2, K) of all inner minima and maxima of the columns of y (S, K); else NaN.

    A plateau counts once, at its middle. Ends do not count, because one side is unknown.

    >>> x, y = np.arange(5.0), np.array([[0.0], [1.0], [1.0], [0.0], [2.0]])
    >>> extrema(x, y).ravel().tolist()
    [nan, 1.5, 3.0]
    """
    steps = np.sign(np.diff(y, axis=0))
    number = np.arange(len(steps)).reshape(-1, *(1,) * (y.ndim - 1))
    # the last step before each that was not level; −1 if there was none yet
    last = np.maximum.accumulate(np.where(steps != 0, number, -1), axis=0)[:-1]
    before = np.take_along_axis(steps, np.maximum(last, 0), axis=0)
    turning = (last >= 0) & (steps[1:] * before < 0)
    middle = (x[np.maximum(last, 0) + 1] + x[1:-1].reshape(number[1:].shape)) / 2
    return np.asarray(np.where(turning, middle, np.nan))


def _density(scales: Array, found: Array) -> Array:
    """(N, S) number of each pyramid's extrema near each scale (Gaussian kernel, 1/8 octave)."""
    out: Array = np.zeros((len(found), len(scales)))
    for places in found.T:  # one extremum of every pyramid at a time, to bound the memory
        away = (np.log2(scales) - np.log2(places)[:, None]) * 8
        out += np.nan_to_num(np.exp(-0.5 * away**2))
    return out
