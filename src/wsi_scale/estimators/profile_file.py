"""The profile: how a network's inner responses tell scale, learnt where the scale was known.

One small safetensors file that travels with the network. Nothing in it is code.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from wsi_scale.errors import SettingsError
from wsi_scale.plumbing.arrays import Array
from wsi_scale.plumbing.files import write_atomically
from wsi_scale.responses.record import Responses

FORMAT = "wsi-scale/profile/2"

MAX_CHANNELS = 64
"""Channels of one layer that are read, spread evenly; more say little new and cost memory."""

ROOM = 1.0
"""Octaves: where a window ends nearer to the answer, votes on that side are missed."""

_FLOOR = 1e-4
"""Share of a channel's mean variance that is added to it before the logarithm."""


class LayerKey(BaseModel):
    """A layer that the profile listens to."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    kind: str
    channels: int = Field(ge=1)


class About(BaseModel):
    """What a profile was made from, and when it may be believed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: str = Field(FORMAT, pattern=f"^{FORMAT}$")
    network: str
    """Name of the network."""
    sha256: str | None
    """Of the network's weights; None where it has no file of them."""
    input_size: int
    """Side of the patches in network px."""
    layers: tuple[LayerKey, ...]
    sites: int = Field(ge=1)
    """Sites looked at in each image, as plain patches."""
    jitters: int = Field(ge=0)
    """Jittered copies of each site."""
    strength: float = Field(ge=0)
    """Ridge penalty, as a share of the number of rows."""
    images: tuple[str, ...]
    """What was looked at, for people."""
    version: str
    """Of wsi-scale."""
    seed: int


@dataclass(frozen=True)
class Profile:
    """The map from responses to log2(scale / right scale), and what it is worth."""

    about: About
    floor: Array
    """(C,) added to every channel's variance before its logarithm."""
    mean: Array
    """(2C,) of every feature over the reference."""
    spread: Array
    """(2C,) standard deviation of every feature there; 0 = constant, not used."""
    weights: Array
    """(2C,) of the standardised features."""
    intercept: Array
    """(1,) octaves."""
    components: Array
    """(K, 2C) directions in which the reference varies, orthonormal, in standardised features."""
    places: Array
    """(T,) octaves from the right scale, rising; their ends are what the reference contained."""
    noise: Array
    """(T,) root mean square error of one patch of an image left out, at each place, in octaves."""
    errors: Array
    """(I,) error of the answer for each image left out, looked at at all its scales, in octaves."""
    cut_errors: Array
    """(E,) the same where the window ended soon after the right scale, below it or above."""
    strangeness: Array
    """(I,) how far each image left out lies from the directions of the others."""

    def errors_in(self, scale: float, window: tuple[float, float]) -> Array:
        """Errors of images left out that were looked at as a slide was whose answer is ``scale``
        in a window of scales: with room on both sides of it, or without."""
        room = (-self.reach[0], self.reach[1])
        given = (math.log2(scale / window[0]), math.log2(window[1] / scale))
        roomy = all(g >= min(ROOM, r) - 1e-9 for g, r in zip(given, room, strict=True))
        return self.errors if roomy or not len(self.cut_errors) else self.cut_errors

    @property
    def reach(self) -> tuple[float, float]:
        """Octaves from the right scale between which the reference had patches."""
        return float(self.places[0]), float(self.places[-1])

    def features(self, responses: Responses) -> Array:
        """Standardised features of all rows, (R, 2C).

        Raises SettingsError for responses of other layers.
        """
        raw = features_of(responses, self.about.layers, self.floor)
        return standardise(raw, self.mean, self.spread)

    def octaves(self, standard: Array) -> Array:
        """log2(scale / right scale) of standardised features, (R,)."""
        return np.asarray(standard @ self.weights + self.intercept[0])

    def noise_at(self, octaves: Array) -> Array:
        """Expected error of one patch, by where the map puts it; infinite where the reference had
        no patches."""
        inside = (octaves >= self.places[0]) & (octaves <= self.places[-1])
        return np.where(inside, np.interp(octaves, self.places, self.noise), np.inf)

    def strange(self, standard: Array) -> Array:
        """(R,) mean squared standardised feature outside of the reference's directions."""
        rest = standard - standard @ self.components.T @ self.components
        return np.asarray((rest**2).mean(axis=1))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write one file. Raises OutputError when it cannot be written."""
        arrays = {
            one.name: np.ascontiguousarray(getattr(self, one.name))
            for one in fields(self)
            if one.name != "about"
        }
        write_atomically(path, save(arrays, {"about": self.about.model_dump_json()}))


def load_profile(path: str | os.PathLike[str]) -> Profile:
    """Read a profile. Raises SettingsError, one sentence, for anything else."""
    try:
        with safe_open(path, "np") as file:
            about = About.model_validate_json((file.metadata() or {})["about"])
            arrays = {name: np.asarray(file.get_tensor(name)) for name in file.keys()}  # noqa: SIM118
    except OSError as error:
        raise SettingsError(
            f"cannot read the profile {path}: {error.strerror or error}; "
            "wsi-scale calibrate makes one"
        ) from error
    except (SafetensorError, KeyError, ValidationError) as error:
        raise SettingsError(
            f"{path} is no profile of this version of wsi-scale; wsi-scale calibrate makes one"
        ) from error
    return _checked(Path(path), about, arrays)


def _checked(path: Path, about: About, arrays: Mapping[str, NDArray[Any]]) -> Profile:
    """A profile of arrays that fit each other. Raises SettingsError otherwise."""
    channels = sum(_used(layer.channels) for layer in about.layers)
    wide, places = 2 * channels, arrays.get("places", np.zeros(0)).shape
    shapes = {"floor": (channels,), "intercept": (1,), "noise": places}
    shapes |= dict.fromkeys(("mean", "spread", "weights"), (wide,))
    names = {one.name for one in fields(Profile)} - {"about"}
    fits = set(arrays) == names and all(
        array.dtype == np.float64 and np.isfinite(array).all() for array in arrays.values()
    )
    fits = fits and all(arrays[name].shape == shape for name, shape in shapes.items())
    fits = fits and arrays["components"].ndim == 2 and arrays["components"].shape[1] == wide
    fits = (
        fits and len(places) == 1 and places[0] >= 2 and bool((np.diff(arrays["places"]) > 0).all())
    )
    if not fits:
        raise SettingsError(f"{path} is damaged; make the profile again with wsi-scale calibrate")
    return Profile(about, **arrays)


def keys_of(responses: Responses) -> tuple[LayerKey, ...]:
    """The layers a profile of these responses listens to: all inside the network, else its output.

    Raises SettingsError when nothing was measured.
    """
    inner = [x for x in responses.layers if x.kind != "output"] or list(responses.layers)
    if not inner:
        raise SettingsError("no layer of the network was measured; name some with its card")
    return tuple(LayerKey(name=x.name, kind=x.kind, channels=x.mean.shape[1]) for x in inner)


def features_of(responses: Responses, keys: Sequence[LayerKey], floor: Array | None) -> Array:
    """Mean and log standard deviation of every channel that is read, (R, 2C).

    floor: (C,) added to each variance; None: of these responses. Raises SettingsError when a layer
    was not measured or has other channels.
    """
    mean, var = moments_of(responses, keys)
    floor = floor_of(var) if floor is None else floor
    return np.concatenate([mean, np.log(var + floor) / 2], axis=1)


def moments_of(responses: Responses, keys: Sequence[LayerKey]) -> tuple[Array, Array]:
    """Mean and variance of every channel that is read, (R, C) each."""
    there = {(x.name, x.kind): x for x in responses.layers}
    means, variances = [], []
    for key in keys:
        layer = there.get((key.name, key.kind))
        if layer is None or layer.mean.shape[1] != key.channels:
            raise SettingsError(
                f"the profile listens to layer {key.name} ({key.kind}, {key.channels} channels), "
                "which was not measured; it was made for another network or other layers"
            )
        use = np.linspace(0, key.channels - 1, _used(key.channels)).round().astype(int)
        means.append(layer.mean[:, use])
        variances.append(layer.var[:, use])
    return np.concatenate(means, axis=1, dtype=float), np.concatenate(
        variances, axis=1, dtype=float
    )


def floor_of(var: Array) -> Array:
    """What is added to variances (R, C) before the logarithm, (C,); 1 where there are no pixels."""
    usual = var.mean(axis=0)
    return np.where(usual > 0, _FLOOR * usual, 1.0)


def standardise(raw: Array, mean: Array, spread: Array) -> Array:
    """(R, D) features in units of the reference's spread; 0 where it had none."""
    return np.asarray((raw - mean) / np.where(spread > 0, spread, np.inf))


def _used(channels: int) -> int:
    return min(channels, MAX_CHANNELS)
