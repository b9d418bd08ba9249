"""The scale at which the slide's statistics match those the BatchNorms remember from training.

A BatchNorm stores mean and variance of its input over the training data. At each scale the same
two numbers are measured on the slide, pooled over all sites; the scale of least divergence wins.
Needs no labels and no reference images, only varied content.
Source: docs/estimators.md; the divergence is that between two normal distributions
(Kullback & Leibler 1951), per channel.
"""

from __future__ import annotations

import numpy as np

from wsi_scale.estimators import Answer, Array, Options, Scorer, Unavailable
from wsi_scale.estimators.curves import Pool, peak
from wsi_scale.responses import LayerResponses, Responses

NAME = "fingerprint"
ORDER = 10
NEEDS = "a network with BatchNorm statistics gathered in training"
EVIDENCE = True

SETTLED_BATCHES = 50
"""PyTorch's running statistics forget their start as 0.9ⁿ: 0.5 % of it is left after 50 batches."""

_DEAD = 1e-10  # variance of a channel that never fired in training


def prepare(responses: Responses, options: Options) -> Scorer:
    """Pool the moments over sites and compare them with the stored ones at every scale."""
    layers = settled_layers(responses)
    scales = np.array(responses.grid.scales)
    moments = [_moments(responses, layer) for layer in layers]

    def score(weights: Array) -> Answer:
        curves = {}
        for layer, (first, second) in zip(layers, moments, strict=True):
            mean = first.mean(weights)
            curves[layer.name] = divergence(
                mean,
                second.mean(weights) - mean**2,
                np.asarray(layer.running_mean, float),
                np.asarray(layer.running_var, float),
            )
        total = sum(curves.values(), np.zeros(len(scales)))
        best = peak(scales, -total)
        alone = {name: peak(scales, -curve) for name, curve in curves.items()}
        return Answer(
            score=-total / len(layers),
            scale=best,
            layer_scales={name: value for name, value in alone.items() if value is not None},
            misfit=None if best is None else float(np.nanmin(total) / len(layers)),
        )

    return score


def settled_layers(responses: Responses) -> tuple[LayerResponses, ...]:
    """BatchNorm layers whose stored statistics come from training. Raises Unavailable if none."""
    layers = responses.of_kind("batchnorm")
    if not layers:
        raise Unavailable("the network has no BatchNorm layer that can be read")
    trained = tuple(
        x for x in layers if not (np.all(x.running_mean == 0) and np.all(x.running_var == 1))
    )
    if not trained:
        raise Unavailable("the BatchNorm statistics were never trained")
    batches = responses.batchnorm_batches
    # 0 with statistics present is a converted checkpoint that dropped its counter
    if batches is not None and 0 < batches < SETTLED_BATCHES:
        raise Unavailable(
            f"the BatchNorm statistics come from {batches} batches and have not settled"
        )
    return trained


def divergence(mean: Array, var: Array, stored_mean: Array, stored_var: Array) -> Array:
    """Mean over channels of KL( N(mean, var) ‖ N(stored_mean, stored_var) ), in nats.

    mean, var: (S, C) on the slide; stored_*: (C,). Returns (S,). Channels that never fired in
    training say nothing and are left out.
    KL = ½ (log(v₀/v) + (v + (m − m₀)²)/v₀ − 1).
    """
    alive = stored_var > _DEAD
    m, v, m0, v0 = mean[:, alive], var[:, alive], stored_mean[alive], stored_var[alive]
    floor = 1e-5 * v0  # a channel that is constant on the slide is far off, not infinitely far
    v = np.maximum(v, floor)
    each = 0.5 * (np.log(v0 / v) + (v + (m - m0) ** 2) / v0 - 1)
    return np.asarray(each.mean(axis=1))


def _moments(responses: Responses, layer: LayerResponses) -> tuple[Pool, Pool]:
    """First and second moments: both average over sites, a variance does not."""
    mean = responses.on_grid(layer.mean)
    return Pool(mean), Pool(responses.on_grid(layer.var) + mean**2)
