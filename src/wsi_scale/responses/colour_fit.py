"""The colours in which a slide's patches come closest to a network's training data.

Stain and exposure move the statistics of a network's layers as scale does, and more. So at every
scale, each colour channel's optical density gets a gain and an offset. They are fitted to the
patches of all sites together, to minimise the divergence of the encoder's BatchNorms. What remains
is not explained by colour. docs/estimators.md shows how well it works.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from wsi_scale.errors import SettingsError
from wsi_scale.networks.batches import in_batches
from wsi_scale.networks.hooks import Heard, at_work, hooked
from wsi_scale.networks.layers import LayerChoice, encoder_batchnorms
from wsi_scale.networks.network import Network
from wsi_scale.plumbing.arrays import Array
from wsi_scale.responses.divergence import discrepancy, fires
from wsi_scale.responses.record import COLOUR_FREED, Responses
from wsi_scale.slide.pyramid import Pyramid

GAIN_PRICE = 0.01
"""Nats per squared change of a gain (1 = density doubled). It only keeps the gain of a channel
without colour from drifting. Values from 0.001 to 0.1 moved the answers on two slides by 0.01 and
0.1 octave."""

MAX_STEPS = 6
_SETTLED = 3e-3  # share of the divergence: a smaller gain ends the fit
_FLOOR = 1e-6  # keeps a step finite where the network sees no change, as with grey patches
_MATCHED = 1e-9  # nats: nothing is left to minimise
_PROBE = 0.02  # change of a gain or offset that shows how the statistics move
_LIGHTEST = 256.0  # intensity of density 0, one more than the largest pixel value


@dataclass(frozen=True)
class Colour:
    """A change of each colour channel's optical density: gain × density + offset.

    The density of a value v in 0–255 is −ln((v + 1) / 256).
    """

    gain: tuple[float, float, float] = (1.0, 1.0, 1.0)
    offset: tuple[float, float, float] = (0.0, 0.0, 0.0)

    @property
    def table(self) -> NDArray[np.float32]:
        """(3, 256) the new value, 0–255, for every old value of each channel."""
        density = -np.log((np.arange(256) + 1) / _LIGHTEST)
        changed = np.outer(self.gain, density) + np.array(self.offset)[:, None]
        values: Array = np.clip(_LIGHTEST * np.exp(-changed) - 1, 0, 255)
        return values.astype(np.float32)

    def paint(self, patches: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Patches (N, H, W, 3) in the new colours, as (N, 3, H, W) values in 0–255."""
        channels = [np.take(row, patches[..., k]) for k, row in enumerate(self.table)]
        return np.stack(channels, axis=1)


UNCHANGED = Colour()


def fit_colours(
    network: Network,
    pyramids: Sequence[Pyramid],
    *,
    batch_size: int = 32,
    start: Colour | None = None,
) -> tuple[Colour | None, ...]:
    """One colour change per scale of the grid, from the patches of all sites at that scale.

    pyramids: on the same grid and of the same patch side. A change is None where no patch was cut;
    all are None if the network has no BatchNorm to compare with. The fits go from the coarsest
    scale to the finest; the first starts at ``start``, each other one where the last one ended.
    """
    if not pyramids:
        raise SettingsError("there is no pyramid to fit colours to")
    found: list[Colour | None] = [None] * len(pyramids[0].grid)
    layers = encoder_batchnorms(network.calls)
    if not layers:
        return tuple(found)
    begun = start or UNCHANGED
    descent = _Descent(np.array([*begun.gain, *begun.offset]))
    with at_work(network.module), torch.no_grad(), _short_cut(network.module, layers) as heard:
        for s in reversed(range(len(found))):
            rows = [x.patches[x.indices.index(s)] for x in pyramids if s in x.indices]
            if not rows:
                continue
            ask = _Distance(network, layers, heard, np.stack(rows), batch_size)
            found[s] = _colour(descent.go(ask.residual))
    return tuple(found)


def recolour(pyramid: Pyramid, colours: Sequence[Colour | None]) -> Pyramid:
    """The pyramid with each scale's patches in that scale's colours, rounded to bytes."""
    patches = pyramid.patches.copy()
    for row, index in enumerate(pyramid.indices):
        painted = (colours[index] or UNCHANGED).paint(pyramid.patches[row : row + 1])
        patches[row] = painted[0].round().astype(np.uint8).transpose(1, 2, 0)
    return replace(pyramid, patches=patches)


def add_freed(plain: Responses, freed: Responses) -> Responses:
    """Plain responses, followed by those of the recoloured pyramids of the same sites."""
    if plain.sites != freed.sites:
        raise SettingsError("plain and colour-freed responses belong to different sites")
    variant = np.full_like(freed.variant, COLOUR_FREED)
    return plain.beside(replace(freed, variant=variant))


class _Enough(Exception):  # noqa: N818  (ends a forward pass once all layers are measured)
    pass


@contextmanager
def _short_cut(module: nn.Module, layers: Sequence[LayerChoice]) -> Iterator[Heard]:
    """While open, layers are measured and a forward pass ends at the last of them."""

    def stop(*_: object) -> None:
        raise _Enough

    with hooked(module, layers) as heard:
        handle = module.get_submodule(layers[-1].name).register_forward_pre_hook(stop)
        try:
            yield heard
        finally:
            handle.remove()


@dataclass(frozen=True)
class _Distance:
    """Distance of one scale's patches from the training data, as a function of colour."""

    network: Network
    layers: tuple[LayerChoice, ...]
    heard: Heard
    patches: NDArray[np.uint8]
    batch_size: int

    def residual(self, p: Array) -> Array:
        """Discrepancy (2C,) of every channel; its squared length is the divergence in nats.

        As in the fingerprint, all layers count the same, and so do the channels of a layer.
        """
        moments = self._pooled(_colour(p))
        parts = []
        for choice, (mean, square) in zip(self.layers, moments, strict=True):
            layer = self.network.module.get_submodule(choice.name)
            stored, var = (
                np.asarray(getattr(layer, name).detach().cpu(), float)
                for name in ("running_mean", "running_var")
            )
            use = fires(var)
            if not use.any():
                continue
            off = (mean[use] - stored[use]) / np.sqrt(var[use])
            spread = (square - mean**2)[use] / var[use]
            root = np.sqrt(1 / use.sum() / len(self.layers))
            parts.append(discrepancy(off, spread, root))
        return np.concatenate([*parts, np.sqrt(GAIN_PRICE) * (p[:3] - 1)])

    def _pooled(self, colour: Colour) -> list[tuple[Array, Array]]:
        """Mean and mean square of every layer's channels over all patches."""
        totals = [(np.zeros(1), np.zeros(1)) for _ in self.layers]
        count = len(self.patches)

        def listen(part: slice) -> list[tuple[Array, Array]]:
            self.heard.moments.clear()
            colours = torch.from_numpy(colour.paint(self.patches[part])).to(self.network.device)
            with suppress(_Enough):
                self.network.module(self.network.feed(colours))
            return [_sums(*self.heard.moments[choice.name]) for choice in self.layers]

        for sums in in_batches(self.network, count, self.batch_size, listen):
            totals = [(a + c, b + d) for (a, b), (c, d) in zip(totals, sums, strict=True)]
        return [(mean / count, square / count) for mean, square in totals]


def _sums(mean: torch.Tensor, var: torch.Tensor) -> tuple[Array, Array]:
    m, v = (np.asarray(x.cpu(), float) for x in (mean, var))
    return m.sum(0), (v + m**2).sum(0)


class _Descent:
    """Least squares by Levenberg–Marquardt, scale after scale.

    Slopes are measured once, by differences, and corrected after every step (Broyden 1965). They
    are measured again when a step brings no gain.
    """

    def __init__(self, start: Array) -> None:
        self.p = start
        self._slopes: Array | None = None

    def go(self, residual: Callable[[Array], Array]) -> Array:
        """Parameters with a lower sum of squares than the start, which is the last end, if any."""
        r, damping, measured = residual(self.p), 1e-3, False
        for _ in range(MAX_STEPS):
            if r @ r < _MATCHED:
                break
            if self._slopes is None:
                self._slopes, measured = _differences(residual, self.p, r), True
            slopes = self._slopes
            normal = slopes.T @ slopes
            damped = normal + damping * np.diag(np.diag(normal)) + _FLOOR * np.eye(len(normal))
            step = np.linalg.solve(damped, -slopes.T @ r)
            there = residual(self.p + step)
            self._slopes = slopes + np.outer(there - r - slopes @ step, step) / (step @ step)
            gain = 1 - (there @ there) / (r @ r)
            if gain > 0:
                self.p, r, damping, measured = self.p + step, there, damping / 10, False
                if gain <= _SETTLED:
                    break
            elif measured:
                damping = max(10 * damping, 1e-2)
            else:
                self._slopes = None
        return self.p


def _differences(residual: Callable[[Array], Array], p: Array, r: Array) -> Array:
    probes = _PROBE * np.eye(len(p))
    return np.stack([(residual(p + probe) - r) / _PROBE for probe in probes], axis=1)


def _colour(p: Iterable[float]) -> Colour:
    r, g, b, x, y, z = (float(value) for value in p)
    return Colour((r, g, b), (x, y, z))
