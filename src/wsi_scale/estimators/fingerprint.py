"""The scale at which the slide's statistics match those that the BatchNorms stored in training.

A BatchNorm stores the mean and variance of its input over the training data. The same two numbers
are measured on the slide at each scale, and the scale of least divergence wins. Only the checkpoint
is needed: no labels and no reference images.

A slide rarely has the same mixture of content as the training data. So at every scale the sites may
be reweighted, at a price, to make the two mixtures as similar as possible. What a change of content
explains does not count against a scale. docs/estimators.md shows how it works and how well.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wsi_scale.estimators.contract import Answer, Options, Scorer, Unavailable
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
"""PyTorch's running statistics forget their start as 0.9ⁿ: after 50 batches 0.5 % of it is left."""

MIXTURE_NOISE = 3e-6
"""Nats that the unexplained remainder must fall for each unit of squared change of a site's weight
(1 = weight doubled). Between 1e-6 and 1e-5 the answers hardly move."""

UNCERTAIN = 5e-4
"""Nats per channel: even a settled network stores its statistics no more exactly than this."""

COMMON_ERROR = 0.2
"""Standard deviation of the error that all sites share, in octaves, as a multiple of √(what the
best scale leaves / what an octave adds). Chosen on training seeds 0 and 1
(benchmarks/model_problem.py)."""

MAX_CHANNELS = 128
"""Channels compared per layer, evenly spread; more would add little and cost memory."""

MAX_PARTS = 64
"""Most groups in which sites are reweighted; the work grows with the cube of their number."""


@dataclass(frozen=True)
class Stack:
    """Moments of all layers side by side, in units of each channel's stored statistics.

    In these units the training data have mean 0 and variance 1 in every channel.
    """

    first: Array
    """(N, S, C) mean of each patch; NaN where no patch was cut."""
    second: Array
    """(N, S, C) mean square of each patch."""
    weight: Array
    """(C,) sums to 1. All layers count the same, and so do the channels of a layer."""
    layers: dict[str, slice]
    """The channels of each layer, by name."""
    channels: Array
    """(C,) number of each channel within its layer."""

    @property
    def known(self) -> Array:
        """(N, S) 1 where a patch was cut."""
        return np.isfinite(self.first[:, :, 0]).astype(float)


def prepare(responses: Responses, options: Options) -> Scorer:
    """Compare the moments with the stored ones at every scale, with the mixture matched."""
    freed = options.colour_freed and bool(np.any(responses.variant == COLOUR_FREED))
    layers = settled_layers(responses)
    if freed if options.encoder_only is None else options.encoder_only:
        layers = tuple(layer for layer in layers if layer.encoder) or layers
    stack = stack_layers(responses, layers, COLOUR_FREED if freed else PLAIN)
    scales = np.array(responses.grid.scales)
    mixed = options.match_mixture and not freed  # fitted colours already absorb what a mix could
    return Match(stack, scales, freed, MIXTURE_NOISE if mixed else np.inf)


@dataclass(frozen=True)
class Match:
    """The scorer: how well slide and stored statistics agree, for weighted sites and layers."""

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
        """The answer for site weights (N,) and layer weights (L,); None: all layers equal.

        Colour-freed patches are judged by the mean logarithm of what the layers leave unexplained.
        That is the likelihood if every layer has a misfit of its own, unknown size: organ and stain
        affect all layers, some of them ten times as much as others.
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
            common=COMMON_ERROR,
        )

    def divergence(self, weights: Array) -> tuple[Array, Array]:
        """(L, S) nats per channel that each layer leaves unexplained, and (S,) the price paid.

        NaN where no site with a weight above 0 has a patch.
        """
        by_layer = np.full((self.layers, len(self.scales)), np.nan)
        paid = np.full(len(self.scales), np.nan)
        for s in map(int, np.flatnonzero(weights @ self.stack.known > 0)):
            rest, paid[s] = self.unexplained(weights, s)
            parts = self.stack.layers.values()
            by_layer[:, s] = [_share(self.stack, rest, part) for part in parts]
        return by_layer, paid

    def unexplained(self, weights: Array, scale: int) -> tuple[Array, float]:
        """What one scale leaves unexplained (2C,): means, then spreads; and the price paid.

        Squared and summed over a layer's channels, it is that layer's share of the divergence.
        """
        here = weights * self.stack.known[:, scale]
        sites = here > 0
        share = here[sites] / here.sum()
        return remix(*discrepancy_by_site(self.stack, sites, scale, share), self.price)


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
    # 0 although there are statistics: a converted checkpoint that lost its counter
    if batches is not None and 0 < batches < SETTLED_BATCHES:
        raise Unavailable(
            f"the BatchNorm statistics come from only {batches} batches and have not settled; "
            f"{SETTLED_BATCHES} are needed"
        )
    return trained


def stack_layers(
    responses: Responses, layers: tuple[LayerResponses, ...], variant: int = PLAIN
) -> Stack:
    """All layers, in units of their stored statistics.

    Channels that never fired in training carry no information and are left out. Raises Unavailable
    if none remains.
    """
    first, second, weight, used, where = [], [], [], [], {}
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
        used.append(use)
        where[layer.name] = slice(start, start + len(use))
        start += len(use)
    if not where:
        raise Unavailable("no channel of the BatchNorm layers ever fired in training")
    joined = np.concatenate(weight) / len(where)
    moments = (np.concatenate(first, axis=2), np.concatenate(second, axis=2))
    return Stack(*moments, joined, where, np.concatenate(used))


def discrepancy_by_site(
    stack: Stack, sites: NDArray[np.bool_], scale: int, share: Array
) -> tuple[Array, Array]:
    """Discrepancy between pooled and stored moments, and how each site changes it.

    sites: (N,) True for the n sites to pool; share: (n,) their weights, summing to 1.
    Returns off (2C,): to second order, its squared length is KL( N(pooled) ‖ N(stored) ) in nats,
    averaged over channels and layers. And (n, 2C): how much each site would change it, in units in
    which all sites are equally likely to be over-represented.
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
    """Rows (n, D), joined into at most MAX_PARTS groups of neighbours that change together.

    A weight shared by g sites moves the discrepancy by the sum of their rows and costs g times the
    price. So the sum is divided by √g, and the price per row stays the same.
    """
    if len(change) <= MAX_PARTS:
        return change
    starts = np.linspace(0, len(change), MAX_PARTS, endpoint=False).round().astype(int)
    sizes = np.diff(np.append(starts, len(change)))
    return np.asarray(np.add.reduceat(change, starts, axis=0) / np.sqrt(sizes)[:, None])


def remix(off: Array, change: Array, price: float) -> tuple[Array, float]:
    """Reweight the sites to minimise the remaining discrepancy plus the price.

    off: (D,); change: (n, D). Minimises |off + changeᵀ u|² + price · |u|² over u (n,): a ridge
    regression, solved in the n unknowns of the sites. Returns what remains (D,) and the price paid.
    With an infinite price nothing changes.

    >>> left, paid = remix(np.array([2.0]), np.array([[1.0]]), price=1.0)
    >>> left.tolist(), paid
    ([1.0], 1.0)
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
