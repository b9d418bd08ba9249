"""The scale at which the slide's statistics match those the BatchNorms remember from training.

A BatchNorm stores mean and variance of its input over the training data. At each scale the same
two numbers are measured on the slide; the scale of least divergence wins. Needs no labels and no
reference images, nothing but the checkpoint.

A slide is rarely mixed like the training data. So at every scale the sites may be weighted anew,
at a price, to mix them as alike as they can be: what a change of content explains is not held
against a scale. docs/estimators.md shows how it works and how well.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wsi_scale.estimators import Answer, Options, Scorer, Unavailable
from wsi_scale.estimators.curves import peak
from wsi_scale.plumbing.arrays import Array
from wsi_scale.responses.divergence import CONSTANT, discrepancy, fires
from wsi_scale.responses.layer import LayerResponses
from wsi_scale.responses.record import COLOUR_FREED, PLAIN, Responses

NAME = "fingerprint"
ORDER = 10
NEEDS = "a network with BatchNorm statistics gathered in training"
EVIDENCE = True
COARSE_TO_FINE = True
OPTIONS = ("match_mixture", "colour_freed", "encoder_only")

SETTLED_BATCHES = 50
"""PyTorch's running statistics forget their start as 0.9ⁿ: 0.5 % of it is left after 50 batches."""

MIXTURE_NOISE = 3e-6
"""Nats. What remains unexplained must fall by this for every unit of squared change of a site's
weight (1 = weight doubled). Between 1e-6 and 1e-5 the answers hardly move."""

UNCERTAIN = 5e-4
"""Nats per channel: no layer of a settled network knows its own statistics better than that."""

COMMON_ERROR = 0.2
"""Of √(what the best scale leaves / what an octave adds), in octaves: the standard deviation of the
error that all sites share. Chosen on training seeds 0 and 1 (benchmarks/model_problem.py)."""

MAX_CHANNELS = 128
"""Channels of one layer that are compared, spread evenly; more say little new and cost memory."""

MAX_PARTS = 64
"""Sites are weighted anew in at most so many groups; the work grows with their cube."""


@dataclass(frozen=True)
class Stack:
    """Moments of all layers side by side, in units of what each channel remembers.

    In these units the training data have mean 0 and variance 1 in every channel.
    """

    first: Array
    """(N, S, C) mean of each patch; NaN where no patch was cut."""
    second: Array
    """(N, S, C) mean square of each patch."""
    weight: Array
    """(C,) of each channel: layers count alike, channels of one layer too; sums to 1."""
    layers: dict[str, slice]
    """Which channels belong to which layer."""

    @property
    def known(self) -> Array:
        """(N, S) 1 where a patch was cut."""
        return np.isfinite(self.first[:, :, 0]).astype(float)


def prepare(responses: Responses, options: Options) -> Scorer:
    """Compare moments with the stored ones at every scale, content mixed as alike as can be."""
    freed = options.colour_freed and bool(np.any(responses.variant == COLOUR_FREED))
    layers = settled_layers(responses)
    if freed if options.encoder_only is None else options.encoder_only:
        layers = tuple(layer for layer in layers if layer.encoder) or layers
    stack = stack_layers(responses, layers, COLOUR_FREED if freed else PLAIN)
    scales = np.array(responses.grid.scales)
    mixed = options.match_mixture and not freed  # the fitted colours have taken up what a mix can
    return Match(stack, scales, freed, MIXTURE_NOISE if mixed else np.inf)


@dataclass(frozen=True)
class Match:
    """The scorer: how well slide and memory agree, by weights of the sites and of the layers."""

    stack: Stack
    scales: Array
    """(S,) the grid."""
    freed: bool
    """Whether the patches were freed of colour."""
    price: float
    """Nats per squared change of a site's weight."""

    @property
    def layers(self) -> int:
        return len(self.stack.layers)

    def __call__(self, weights: Array, layer_weights: Array | None = None) -> Answer:
        """The answer for sites weighted (N,) and layers weighted (L,), alike where None.

        Patches freed of colour are judged by the mean logarithm of what the layers leave: the
        likelihood where every layer has a misfit of its own, unknown, size. Colour, stain and
        organ spare no layer, and hit some ten times as hard as others.
        """
        by_layer, paid = self.divergence(weights)
        share = np.ones(self.layers) if layer_weights is None else layer_weights
        share = share / share.sum()
        curve = (
            -(share @ np.log(by_layer + UNCERTAIN)) if self.freed else -(share @ by_layer + paid)
        )
        left = by_layer.mean(axis=0) + paid
        best = peak(self.scales, curve)
        alone = {
            name: peak(self.scales, -one)
            for name, one in zip(self.stack.layers, by_layer, strict=True)
        }
        return Answer(
            score=curve,
            scale=best,
            layer_scales={name: value for name, value in alone.items() if value is not None},
            left=left,
            misfit=None if best is None else float(left[np.nanargmax(curve)]),
            common=0.0 if self.freed else COMMON_ERROR,
        )

    def divergence(self, weights: Array) -> tuple[Array, Array]:
        """(L, S) nats per channel that each layer leaves unexplained, and (S,) the price paid.

        NaN where no weighted site has a patch.
        """
        by_layer = np.full((self.layers, len(self.scales)), np.nan)
        paid = np.full(len(self.scales), np.nan)
        known = self.stack.known
        for s in range(len(self.scales)):
            here = weights * known[:, s]
            if here.sum() == 0:
                continue
            sites = here > 0
            off, change = discrepancy_by_site(self.stack, sites, s, here[sites] / here.sum())
            rest, paid[s] = remix(off, change, self.price)
            parts = self.stack.layers.values()
            by_layer[:, s] = [_share(self.stack, rest, part) for part in parts]
        return by_layer, paid


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


def stack_layers(
    responses: Responses, layers: tuple[LayerResponses, ...], variant: int = PLAIN
) -> Stack:
    """Bring all layers into the units of their stored statistics.

    Channels that never fired in training say nothing and are left out. Raises Unavailable when
    none is left.
    """
    first, second, weight, where = [], [], [], {}
    start = 0
    for layer in layers:
        stored_mean = np.asarray(layer.running_mean, float)
        stored_var = np.asarray(layer.running_var, float)
        alive = np.flatnonzero(fires(stored_var))
        if len(alive) == 0:
            continue
        use = alive[np.unique(np.linspace(0, len(alive) - 1, MAX_CHANNELS).round().astype(int))]
        mean = responses.on_grid(layer.mean[:, use], variant)
        var = responses.on_grid(layer.var[:, use], variant)
        standard = (mean - stored_mean[use]) / np.sqrt(stored_var[use])
        first.append(standard)
        second.append(var / stored_var[use] + standard**2)
        weight.append(np.full(len(use), 1 / len(use)))
        where[layer.name] = slice(start, start + len(use))
        start += len(use)
    if not where:
        raise Unavailable("no channel of the BatchNorm layers ever fired in training")
    joined = np.concatenate(weight) / len(where)
    return Stack(np.concatenate(first, axis=2), np.concatenate(second, axis=2), joined, where)


def discrepancy_by_site(
    stack: Stack, sites: NDArray[np.bool_], scale: int, share: Array
) -> tuple[Array, Array]:
    """How far the pooled moments are from the stored ones, and how each site moves that.

    sites: (N,) which sites to pool; share: their weights, summing to 1.
    Returns off (2C,), whose squared length is to second order the divergence
    KL( N(pooled) ‖ N(stored) ) in nats, averaged over channels and layers; and (n, 2C), how much
    each site would change it, with units in which all sites are as likely to be over-represented.
    """
    m, q = stack.first[sites, scale], stack.second[sites, scale]
    mean, square = share @ m, share @ q
    var = np.maximum(square - mean**2, CONSTANT)
    root = np.sqrt(stack.weight)
    off = discrepancy(mean, var, root)
    by_mean = root * (m - mean) / np.sqrt(2)
    by_var = root * ((q - square) - 2 * mean * (m - mean)) / var / 2
    each = np.sqrt(share / len(share))[:, None]
    return off, in_groups(each * np.concatenate([by_mean, by_var], axis=1))


def in_groups(change: Array) -> Array:
    """Let groups of neighbouring rows change together, (n, D) -> (at most MAX_PARTS, D).

    A weight shared by g sites moves the discrepancy by the sum of their rows and costs g times the
    price, so the sum is divided by √g to keep the price.
    """
    if len(change) <= MAX_PARTS:
        return change
    starts = np.linspace(0, len(change), MAX_PARTS, endpoint=False).round().astype(int)
    sizes = np.diff(np.append(starts, len(change)))
    return np.asarray(np.add.reduceat(change, starts, axis=0) / np.sqrt(sizes)[:, None])


def remix(off: Array, change: Array, price: float) -> tuple[Array, float]:
    """Weight the sites anew so that what is left of ``off`` and the price are least together.

    off: (D,); change: (n, D). Minimises |off + changeᵀ u|² + price · |u|² over u (n,): ridge
    regression, solved among the n sites. Returns what is left (D,) and the price paid. An infinite
    price leaves everything as it is.
    """
    if np.isinf(price):
        return off, 0.0
    gram = change @ change.T + price * np.eye(len(change))
    u = -np.linalg.solve(gram, change @ off)
    return off + change.T @ u, float(price * (u @ u))


def _share(stack: Stack, rest: Array, part: slice) -> float:
    """What one layer leaves unexplained, in nats per channel of that layer."""
    count = len(stack.weight)
    mine = rest[part], rest[count + part.start : count + part.stop]
    return float(sum(x @ x for x in mine)) * len(stack.layers)
