"""Which channels tell the scale found from wrong ones, and their responses over scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from wsi_scale.estimators import fingerprint
from wsi_scale.estimators.contract import Options
from wsi_scale.pipeline.explain.explanation import Statistic
from wsi_scale.plumbing.arrays import Array, Floats
from wsi_scale.responses.layer import LayerResponses
from wsi_scale.responses.record import PLAIN, Responses

STATISTICS: tuple[Statistic, Statistic] = ("mean", "spread")


@dataclass(frozen=True)
class Weighed:
    """One channel and what it weighs."""

    layer: str
    channel: int
    statistic: Statistic
    weight: float


class Curve(NamedTuple):
    """A statistic of a channel over all sites, at the measured scales."""

    middle: Array
    low: Array
    high: Array
    trained: float | None


def weigh_by_score(
    responses: Responses, options: Options, right: int, wrong: Sequence[int]
) -> list[Weighed]:
    """Channels by their share of the fingerprint's difference between right and wrong scales.

    The fingerprint's score is a sum over channels, each with a part of its mean and of its spread;
    so is its difference. Where colours were fitted, it is a sum of logarithms over layers, and each
    layer's difference is shared among its channels as they changed.

    Parameters
    ----------
    responses : Responses
        What was measured.
    options : Options
        Those of the run.
    right, wrong : int and sequence of int
        Positions on the grid of the responses.

    Returns
    -------
    list of Weighed
        Heaviest first; their weights, together with those of the channels that speak against the
        scale found, sum to 1. Channels that speak against it are left out.

    Raises
    ------
    Unavailable
        When the network has no BatchNorm statistics from training.
    """
    match = fingerprint.prepare(responses, options)
    assert isinstance(match, fingerprint.Match)
    gains = channel_gains(match, right, wrong)
    by_channel = gains.sum(axis=0)
    whole = float(by_channel.sum())
    if whole <= 0:
        return []
    names = [name for name, part in match.stack.layers.items() for _ in range(*part.indices(10**9))]
    return [
        Weighed(
            names[c],
            int(match.stack.channels[c]),
            STATISTICS[int(gains[:, c].argmax())],
            float(by_channel[c]) / whole,
        )
        for c in map(int, np.argsort(-by_channel, kind="stable"))
        if by_channel[c] > 0
    ]


def channel_gains(match: fingerprint.Match, right: int, wrong: Sequence[int]) -> Array:
    """(2, C) what the means and the spreads of each channel add to the fingerprint's score at the
    right scale over that at the wrong ones, in nats; their sum is that difference, apart from the
    price of matching the mixture."""
    here = _channel_parts(match, right)
    total = np.zeros_like(here)
    for scale in wrong:
        there = _channel_parts(match, scale)
        gain = there - here
        if match.freed:
            for part in match.stack.layers.values():
                gain[:, part] *= _log_rate(here[:, part].sum(), there[:, part].sum(), match.layers)
        total += gain / len(wrong)
    return total


def _channel_parts(match: fingerprint.Match, scale: int) -> Array:
    """(2, C) what the means and the spreads of each channel add to the divergence at a scale."""
    rest, _ = match.unexplained(np.ones(len(match.stack.first)), scale)
    return np.asarray(rest.reshape(2, -1) ** 2)


def _log_rate(here: float, there: float, layers: int) -> float:
    """Factor that turns a layer's change of divergence into that of its logarithm."""
    before, after = (fingerprint.UNCERTAIN + layers * one for one in (here, there))
    if np.isclose(before, after):
        return float(1 / before)
    return float((np.log(after) - np.log(before)) / (after - before))


def weigh_by_response(responses: Responses, right: int, wrong: Sequence[int]) -> list[Weighed]:
    """Channels by how much their response differs between right and wrong scales.

    The response is the mean over a patch or the spread within it, whichever differs more, in
    standard deviations over all sites at these scales. Channels that never change are left out, and
    so is the network's output if any layer before it was measured.

    Parameters
    ----------
    responses : Responses
        What was measured.
    right, wrong : int and sequence of int
        Positions on the grid of the responses.

    Returns
    -------
    list of Weighed
        Heaviest first; their weights are in standard deviations.
    """
    layers = [one for one in responses.layers if one.kind != "output"] or list(responses.layers)
    found = []
    for layer in layers:
        changes = np.stack(
            [
                _change(responses.on_grid(layer_values(layer, what))[:, [right, *wrong]])
                for what in STATISTICS
            ]
        )
        found += [
            Weighed(
                layer.name,
                c,
                STATISTICS[int(changes[:, c].argmax())],
                float(changes[:, c].max()),
            )
            for c in map(int, np.flatnonzero(changes.max(axis=0) > 0))
        ]
    return sorted(found, key=lambda one: -one.weight)


def layer_values(layer: LayerResponses, what: Statistic) -> Floats:
    """(R, C) the mean of each patch, or the standard deviation within it."""
    return layer.mean if what == "mean" else np.sqrt(layer.var)


def _change(values: Array) -> Array:
    """(C,) mean change from the first of some scales to the others, in standard deviations.

    values: (sites, scales, C); sites without all scales are left out.
    """
    values = values[np.isfinite(values[:, :, 0]).all(axis=1)]
    if not len(values):
        return np.zeros(values.shape[2])
    middle, spread = values.mean(axis=0), values.std(axis=(0, 1))
    change = np.abs(middle[1:] - middle[0]).mean(axis=0)
    lively = spread > 1e-6 * np.abs(values).max()
    return np.asarray(np.divide(change, spread, out=np.zeros_like(change), where=lively))


def heaviest(weighed: Sequence[Weighed], count: int) -> list[Weighed]:
    """The heaviest channels, each of another layer if there are enough layers.

    Neighbours in one layer often say the same.

    >>> found = [Weighed("a", 0, "mean", 3.0), Weighed("a", 1, "mean", 2.0)]
    >>> [one.channel for one in heaviest([*found, Weighed("b", 7, "mean", 1.0)], 2)]
    [0, 7]
    """
    first: dict[str, Weighed] = {}
    for one in weighed:
        first.setdefault(one.layer, one)
    chosen = list(first.values())[:count]
    rest = [one for one in weighed if one not in chosen]
    return sorted([*chosen, *rest[: count - len(chosen)]], key=lambda one: -one.weight)


def curve_of(responses: Responses, layer: LayerResponses, index: int, what: Statistic) -> Curve:
    """The response of one channel over scale.

    Parameters
    ----------
    responses : Responses
        What was measured; S scales.
    layer : LayerResponses
        One of its layers.
    index : int
        Number of the channel.
    what : str
        ``mean``: the mean over the sites of the patches' means, with quartiles over the sites.
        ``spread``: the standard deviation over all pixels of all patches.

    Returns
    -------
    Curve
        (S,) each. That of a trained BatchNorm is in units of its stored statistics, as the
        fingerprint reads it.
    """
    mean = responses.on_grid(layer.mean[:, index], PLAIN)
    var = responses.on_grid(layer.var[:, index], PLAIN)
    trained = None
    if _is_trained(layer):
        assert layer.running_mean is not None
        assert layer.running_var is not None
        stored = max(float(layer.running_var[index]), 1e-12)
        mean = (mean - float(layer.running_mean[index])) / stored**0.5
        var = var / stored
        trained = 0.0 if what == "mean" else 1.0
    known = np.isfinite(mean).any(axis=0)
    middle, low, high = (np.full(len(responses.grid), np.nan) for _ in range(3))
    if what == "mean":
        middle[known] = np.nanmean(mean[:, known], axis=0)
        low[known], high[known] = np.nanquantile(mean[:, known], (0.25, 0.75), axis=0)
    else:
        square = np.nanmean((var + mean**2)[:, known], axis=0)
        middle[known] = np.sqrt(np.maximum(square - np.nanmean(mean[:, known], axis=0) ** 2, 0))
    return Curve(middle, low, high, trained)


def _is_trained(layer: LayerResponses) -> bool:
    """Whether it stores statistics of training, not those with which every BatchNorm begins."""
    if layer.running_mean is None or layer.running_var is None:
        return False
    return not (np.all(layer.running_mean == 0) and np.all(layer.running_var == 1))
