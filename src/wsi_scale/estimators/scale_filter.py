"""A correlation filter along log-scale, learnt at a known right scale.

This is the scale filter of the tracker DSST, for network responses instead of image features. All
channels are correlated at once, and the output is trained to be a Gaussian at the right scale.
Source: Danelljan, Häger, Khan, Felsberg, "Discriminative scale space tracking", TPAMI 39(8), 2017
(arXiv 1609.06141), section 3; the same authors' BMVC 2014 paper.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from wsi_scale.estimators.contract import NO_REFERENCE, Options, Reference, Unavailable
from wsi_scale.geometry import ScaleGrid
from wsi_scale.plumbing.arrays import Array
from wsi_scale.responses.layer import LayerResponses
from wsi_scale.responses.record import Responses

Spectrum = NDArray[np.complex128]

STEP = 1 / 16
"""Octaves between the even positions to which every pyramid is resampled."""

SIGMA = 0.25
"""Width, in octaves, of the Gaussian that the filter is trained to return."""

PRICE = 0.01
"""λ of the paper, as a share of the reference's mean power; it keeps weak frequencies from
dominating."""

MIN_SCALES = 5
"""Fewest scales in a pyramid; the taper sets the outermost two to zero."""

MAX_CHANNELS = 128
"""Channels read per layer, evenly spread; more would add little and cost memory."""

_BLOCK = 4_000_000  # complex numbers of spectra in memory at once
_CONSTANT = 1e-6  # a channel must vary by more than this share of its mean


class ScaleFilter:
    """Learns from a reference's pyramids, then scores the scales of other pyramids."""

    def __init__(self, values: Array, reference: Reference, grid: ScaleGrid) -> None:
        """Learn a filter for pyramids that are cut at ``grid``.

        values: (N, S, C) features of the reference on its own grid; NaN where no patch was cut.
        Raises Unavailable if the right scale cannot be learnt from them.
        """
        own = np.array(reference.responses.grid.scales)
        check_scales(values, "the reference")
        seen = own[measured(values).any(axis=0)]
        if not seen[0] <= reference.scale <= seen[-1]:
            raise Unavailable(
                f"the reference was measured at scales {seen[0]:g} to {seen[-1]:g}, but its right "
                f"scale is {reference.scale:g}"
            )
        self._from = np.log2(own / reference.scale)
        self._to = np.log2(np.array(grid.scales))
        self._length = _power_of_two(len(even(self._from)) + len(even(self._to)))
        mean, deviation = np.nanmean(values, axis=(0, 1)), np.nanstd(values, axis=(0, 1))
        self._kept = np.flatnonzero(deviation > _CONSTANT * np.abs(mean))
        if len(self._kept) == 0:
            raise Unavailable("the reference's responses are the same at every scale")
        self._mean, self._deviation = mean[self._kept], deviation[self._kept]
        self._numerator, power = self._learn(values)
        self._denominator = power + PRICE * power.mean()

    def curves(self, values: Array) -> Array:
        """Scores (N, S) of pyramids (N, S, C) on the grid; NaN where no patch was cut.

        A pyramid with fewer than MIN_SCALES scales has only NaN.
        """
        wave = self._waves(self._to)
        parts = [
            np.einsum("kc,nkc->nk", np.conj(self._numerator), spectrum) / self._denominator @ wave
            for spectrum in self._spectra(values, self._to)
        ]
        return np.where(measured(values), np.concatenate(parts).real, np.nan)

    def _learn(self, values: Array) -> tuple[Spectrum, Array]:
        """A (K, C) and B (K,) of the paper: the numerator and the power, summed over pyramids."""
        count = self._length // 2 + 1
        total: Spectrum = np.zeros((count, len(self._kept)), complex)
        power: Array = np.zeros(count)
        for spectrum in self._spectra(values, self._from):
            total += spectrum.sum(axis=0)
            power += (np.abs(spectrum) ** 2).sum(axis=(0, 2))
        aim = np.fft.rfft(gaussian(-self._from[0] / STEP, self._length))
        return np.conj(aim)[:, None] * total, power

    def _spectra(self, values: Array, x: Array) -> Iterator[Spectrum]:
        """Spectra (n, K, C) of tapered pyramids, n at a time."""
        at_once = max(1, _BLOCK // (self._length * len(self._kept)))
        for start in range(0, len(values), at_once):
            block = values[start : start + at_once]
            known = measured(block)
            standard = (block[:, :, self._kept] - self._mean) / self._deviation
            filled = np.where(known[:, :, None], standard, 0.0)
            tapered = (interpolation(x) @ filled) * taper(x, known)[:, :, None]
            yield np.fft.rfft(tapered, self._length, axis=1)

    def _waves(self, x: Array) -> Spectrum:
        """(K, S) inverse Fourier transform at any positions, also between the even ones."""
        k = np.arange(self._length // 2 + 1)
        twice = np.where((k == 0) | (k == self._length // 2), 1, 2) / self._length
        turns = np.outer(k, x - x[0]) / STEP / self._length
        return np.asarray(twice[:, None] * np.exp(2j * np.pi * turns))


def even(x: Array) -> Array:
    """Positions every STEP octaves, from the first of x (S,) to the last of them, or just beyond.

    They start where x does, so stretching a grid changes only the start.
    """
    return np.asarray(x[0] + STEP * np.arange(np.ceil((x[-1] - x[0]) / STEP - 1e-9) + 1))


def interpolation(x: Array) -> Array:
    """(T, S) matrix that interpolates values at x linearly to the even positions."""
    return np.stack([np.interp(even(x), x, one) for one in np.eye(len(x))], axis=1)


def measured(values: Array) -> Array:
    """(N, S) True where a patch was cut; all False for a pyramid with too few scales."""
    known = np.isfinite(values).all(axis=2)
    return np.asarray(known & (known.sum(axis=1) >= MIN_SCALES)[:, None])


def taper(x: Array, known: Array) -> Array:
    """Hann window (N, T) of each pyramid over its measured scales, at the even positions.

    x: (S,); known: (N, S). The window is 0 at the first and last measured scale and outside them.
    """
    first = np.where(known, x, x[-1]).min(axis=1, keepdims=True)
    last = np.where(known, x, x[0]).max(axis=1, keepdims=True)
    way = (even(x) - first) / np.maximum(last - first, STEP)
    return np.asarray(np.sin(np.pi * np.clip(way, 0, 1)) ** 2)


def gaussian(centre: float, length: int) -> Array:
    """Gaussian of width SIGMA and height 1 on a ring of ``length`` steps; centre in steps."""
    away = (np.arange(length) - centre + length / 2) % length - length / 2
    return np.asarray(np.exp(-0.5 * (away * STEP / SIGMA) ** 2))


def check_scales(values: Array, whose: str) -> None:
    """Raise Unavailable unless some pyramid has enough scales."""
    if not measured(values).any():
        most = int(np.isfinite(values).all(axis=2).sum(axis=1).max(initial=0))
        raise Unavailable(f"{whose} was measured at {most} scales; {MIN_SCALES} are needed")


def given_reference(options: Options) -> Reference:
    """The reference of the options. Raises Unavailable if there is none."""
    if options.reference is None:
        raise Unavailable(NO_REFERENCE)
    return options.reference


def inner_layers(responses: Responses) -> tuple[LayerResponses, ...]:
    """All measured layers except the output. Raises Unavailable if there is none."""
    layers = tuple(layer for layer in responses.layers if layer.kind != "output")
    if not layers:
        raise Unavailable("no layer inside the network was measured")
    return layers


def twins(layers: tuple[LayerResponses, ...], other: Responses) -> tuple[LayerResponses, ...]:
    """The same layers in other responses. Raises Unavailable for those of another network."""
    there = {(layer.name, layer.kind): layer for layer in other.layers}
    for layer in layers:
        twin = there.get((layer.name, layer.kind))
        if twin is None:
            raise Unavailable(f"layer {layer.name} was not measured on the reference")
        if twin.mean.shape[1] != layer.mean.shape[1]:
            raise Unavailable(
                f"layer {layer.name} has {layer.mean.shape[1]} channels, but "
                f"{twin.mean.shape[1]} in the reference"
            )
    return tuple(there[layer.name, layer.kind] for layer in layers)


def signatures(responses: Responses, layers: tuple[LayerResponses, ...]) -> Array:
    """(N, S, C) mean and log standard deviation of every channel of the layers."""
    parts = []
    for layer in layers:
        channels = layer.mean.shape[1]
        use = np.unique(np.linspace(0, channels - 1, MAX_CHANNELS).round().astype(int))
        parts += [layer.mean[:, use], np.log(1e-6 + np.sqrt(layer.var[:, use]))]
    return responses.on_grid(np.concatenate(parts, axis=1))


def both_signatures(responses: Responses, options: Options) -> tuple[Reference, Array, Array]:
    """The reference, its signatures and the slide's, each (N, S, C), over all inner layers.

    Raises Unavailable without a reference, or if the slide was measured at too few scales.
    """
    reference = given_reference(options)
    layers = inner_layers(responses)
    theirs = signatures(reference.responses, twins(layers, reference.responses))
    values = signatures(responses, layers)
    check_scales(values, "the slide")
    return reference, theirs, values


def _power_of_two(least: int) -> int:
    return int(1 << (least - 1).bit_length())
