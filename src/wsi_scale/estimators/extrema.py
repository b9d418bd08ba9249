"""The method of the thesis: the middle of all extrema of the smoothed responses.

Reproduced as written. Its answer gathers near the middle of whatever window is searched, so it is
a named baseline and never evidence; docs/estimators.md shows the figures.
Source: the MSU thesis (2022), sections 5.3–5.7.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter1d

from wsi_scale.estimators import Answer, Array, Options, Scorer, Unavailable
from wsi_scale.estimators.curves import weighted_median
from wsi_scale.responses import LayerResponses, Responses

NAME = "extrema"
ORDER = 30
NEEDS = "gradients of the target class at a pooled layer"
EVIDENCE = False


def prepare(responses: Responses, options: Options) -> Scorer:
    """Find every pyramid's own answer once; weighting the sites then only moves their median."""
    layer = gradient_layer(responses)
    scales = np.array(responses.grid.scales)
    values = responses.on_grid(layer.mean)
    gradients = responses.on_grid(np.asarray(layer.gradient))
    found = [
        pyramid_extrema(scales, values[i], gradients[i], options)
        for i in range(len(responses.sites))
    ]
    pool = np.mean if options.statistic == "mean" else np.median
    answers = np.array([float(pool(x)) if len(x) else np.nan for x in found])

    def score(weights: Array) -> Answer:
        if options.statistic == "mean":
            use = np.isfinite(answers) & (weights > 0)
            best = float(np.average(answers[use], weights=weights[use])) if use.any() else None
        else:
            best = weighted_median(answers, weights)
        return Answer(score=_density(scales, found, weights), scale=best)

    return score


def gradient_layer(responses: Responses) -> LayerResponses:
    """The layer with gradients. Raises Unavailable when none were measured."""
    for layer in responses.layers:
        if layer.gradient is not None and np.isfinite(layer.gradient).any():
            return layer
    raise Unavailable("no gradient of the prediction could be taken inside the network")


def pyramid_extrema(scales: Array, values: Array, gradients: Array, options: Options) -> Array:
    """Scales of all extrema of one pyramid's responses and of their derivatives, (E,).

    values, gradients: (S, C); gaps (NaN rows) may only lie at the ends and are cut off.
    """
    known = np.isfinite(values).all(axis=1)
    if known.sum() < 3:
        return np.empty(0)
    x, y = scales[known], smooth(values[known], options.sigma)
    kept = kept_channels(channel_weights(gradients[known]), options.keep_percent)
    out = []
    for channel in kept:
        out.append(extrema(x, y[:, channel]))
        out.append(extrema(x, derivative(x, y[:, channel])))
    return np.concatenate(out) if out else np.empty(0)


def smooth(values: Array, sigma: float) -> Array:
    """Gaussian smoothing of (S, C) along the grid, sigma in grid steps; 0 leaves it as it is.

    The ends are mirrored (SciPy's ``reflect``). Source: thesis section 5.3.
    """
    if sigma == 0:
        return values
    return np.asarray(gaussian_filter1d(values, sigma, axis=0, mode="reflect"))


def channel_weights(gradients: Array) -> Array:
    """Weight each channel by its mean gradient over the scales, (S, C) -> (C,), signed.

    Source: thesis section 5.4.
    """
    return np.asarray(gradients.mean(axis=0))


def kept_channels(weights: Array, percent: float) -> list[int]:
    """Positions of the ``percent`` % of channels with the largest |weight|, at least one.

    16 channels, 50 % -> 8. Ties keep the lower position. Source: thesis section 5.4.
    """
    count = max(1, round(len(weights) * percent / 100))
    order = np.argsort(-np.abs(weights), kind="stable")
    return sorted(int(i) for i in order[:count])


def derivative(x: Array, y: Array) -> Array:
    """Central differences inside, one-sided at the two ends, (S,). Source: thesis section 5.5.

    On the thesis's even grid this is (y[i+1] − y[i−1]) / (x[i+1] − x[i−1]).
    """
    out: Array = np.empty_like(y)
    out[1:-1] = (y[2:] - y[:-2]) / (x[2:] - x[:-2])
    out[0] = (y[1] - y[0]) / (x[1] - x[0])
    out[-1] = (y[-1] - y[-2]) / (x[-1] - x[-2])
    return out


def extrema(x: Array, y: Array) -> Array:
    """Positions x of all inner minima and maxima of y; a plateau counts once, at its middle.

    x (0, 1, 2, 3, 4), y (0, 1, 1, 0, 2) -> (1.5, 3). Ends are no extrema: one side is unknown.
    """
    starts = np.flatnonzero(np.r_[True, np.diff(y) != 0])
    stops = np.r_[starts[1:], len(y)] - 1
    turn = np.sign(np.diff(y[starts]))
    turning = np.flatnonzero(turn[1:] != turn[:-1]) + 1
    return np.asarray((x[starts[turning]] + x[stops[turning]]) / 2)


def _density(scales: Array, found: list[Array], weights: Array) -> Array:
    """How many extrema lie near each scale (kernel of 1/8 octave), for the picture."""
    total: Array = np.zeros(len(scales))
    for places, weight in zip(found, weights, strict=True):
        if len(places) and weight:
            away = np.log2(scales[:, None] / places[None, :]) * 8
            total += weight * np.exp(-0.5 * away**2).sum(axis=1)
    return np.asarray(total / max(float(weights.sum()), 1e-12))
