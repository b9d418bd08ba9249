"""The profile: how to read scale from a network's inner responses, learnt at known scales.

It is one small safetensors file that travels with the network and holds no code.
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
from pydantic import BaseModel, ConfigDict, Field
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from wsi_scale.errors import SettingsError
from wsi_scale.plumbing.arrays import Array
from wsi_scale.plumbing.files import write_atomically
from wsi_scale.responses.record import Responses

FORMAT = "wsi-scale/profile/2"

MAX_CHANNELS = 64
"""Channels read per layer, evenly spread; more would add little and cost memory."""

ROOM = 1.0
"""Octaves. If a window ends closer to the answer, votes are missing on that side."""

_FLOOR = 1e-4
"""Share of a channel's mean variance that is added to its variances before the logarithm."""


class LayerKey(BaseModel):
    """A layer that the profile reads."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    kind: str
    channels: int = Field(ge=1)


class About(BaseModel):
    """What a profile was made from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: str = Field(FORMAT, pattern=f"^{FORMAT}$")
    network: str
    """Name of the network."""
    sha256: str | None
    """SHA-256 of the network's weights file; None without such a file."""
    input_size: int
    """Side of the patches in network px."""
    layers: tuple[LayerKey, ...]
    sites: int = Field(ge=1)
    """Sites measured in each image, as plain patches."""
    jitters: int = Field(ge=0)
    """Jittered copies of each site."""
    strength: float = Field(ge=0)
    """Ridge penalty, as a share of the number of rows."""
    images: tuple[str, ...]
    """Paths of the reference images, for people."""
    version: str
    """Version of wsi-scale."""
    seed: int
    control: float | None = None
    """Median error, in octaves, of an untrained copy on the same images left out; None in profiles
    of older versions."""
    sources: int | None = Field(None, ge=1)
    """Folders, such as laboratories, in which the images lie; None in profiles of older
    versions."""
    error_folders: tuple[int, ...] | None = None
    """Folder of each error of an image left out; None if no folder was left out whole."""
    cut_folders: tuple[int, ...] | None = None
    """The same for the errors in cut windows."""


@dataclass(frozen=True)
class Profile:
    """The map from responses to log2(scale / right scale), and its measured errors.

    ``calibrate`` makes one, ``load_profile`` reads one. C is the number of channels read; each
    gives two features, its mean and its log standard deviation.

    Examples
    --------
    >>> from wsi_scale.estimators.profile_file import load_profile
    >>> profile = load_profile("my.safetensors")  # doctest: +SKIP
    >>> profile.about.network, profile.about.sites  # doctest: +SKIP
    ('figures', 8)
    """

    about: About
    floor: Array
    """(C,) added to every channel's variance before its logarithm."""
    mean: Array
    """(2C,) mean of every feature over the reference."""
    spread: Array
    """(2C,) standard deviation of every feature over the reference; 0 = constant, not used."""
    weights: Array
    """(2C,) weights of the standardised features."""
    intercept: Array
    """(1,) octaves."""
    components: Array
    """(K, 2C) directions in which the reference varies, orthonormal, in standardised features."""
    places: Array
    """(T,) octaves from the right scale, rising; the first and last are the reference's ends."""
    noise: Array
    """(T,) root mean square error of one patch of an image left out, at each place, in octaves."""
    errors: Array
    """(I,) error of the answer for each image left out, over all its scales, in octaves."""
    cut_errors: Array
    """(E,) the same for windows that ended soon after the right scale, below or above it."""
    strangeness: Array
    """(I,) distance of each image left out from the directions of the others."""

    def errors_in(
        self, scale: float, window: tuple[float, float]
    ) -> tuple[Array, NDArray[np.intp] | None]:
        """Errors of images left out, from a comparable window, and the folder of each.

        scale: the answer for a slide, level-0 px per network px. window: first and last scale
        searched on that slide. The errors, in octaves, are ``errors`` if the window leaves room on
        both sides of the answer, else ``cut_errors``; no folders: images were left out one by one.
        """
        room = (-self.reach[0], self.reach[1])
        given = (math.log2(scale / window[0]), math.log2(window[1] / scale))
        roomy = all(g >= min(ROOM, r) - 1e-9 for g, r in zip(given, room, strict=True))
        roomy = roomy or not len(self.cut_errors)
        folders = self.about.error_folders if roomy else self.about.cut_folders
        known = None if folders is None else np.array(folders, np.intp)
        return (self.errors if roomy else self.cut_errors), known

    @property
    def reach(self) -> tuple[float, float]:
        """First and last distance from the right scale that the reference covered, in octaves."""
        return float(self.places[0]), float(self.places[-1])

    def features(self, responses: Responses) -> Array:
        """Standardised features of all rows, (R, 2C).

        Raises
        ------
        SettingsError
            When a layer that the profile reads was not measured.
        """
        raw = features_of(responses, self.about.layers, self.floor)
        return standardise(raw, self.mean, self.spread)

    def octaves(self, standard: Array) -> Array:
        """log2(scale / right scale), (R,), from standardised features (R, 2C)."""
        return np.asarray(standard @ self.weights + self.intercept[0])

    def noise_at(self, octaves: Array) -> Array:
        """Expected error of a patch in octaves, by its distance from the right scale in octaves;
        infinite where the reference had no patches."""
        inside = (octaves >= self.places[0]) & (octaves <= self.places[-1])
        return np.where(inside, np.interp(octaves, self.places, self.noise), np.inf)

    def strange(self, standard: Array) -> Array:
        """(R,) mean square of the standardised features outside the reference's directions."""
        rest = standard - standard @ self.components.T @ self.components
        return np.asarray((rest**2).mean(axis=1))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write one safetensors file.

        Raises
        ------
        OutputError
            When the file cannot be written.
        """
        arrays = {
            one.name: np.ascontiguousarray(getattr(self, one.name))
            for one in fields(self)
            if one.name != "about"
        }
        write_atomically(path, save(arrays, {"about": self.about.model_dump_json()}))


def load_profile(path: str | os.PathLike[str]) -> Profile:
    """The profile in a file.

    Parameters
    ----------
    path : str or os.PathLike[str]
        A safetensors file of ``wsi-scale calibrate``.

    Returns
    -------
    Profile

    Raises
    ------
    SettingsError
        When the file cannot be read, is damaged, or is not a profile of this version.

    Examples
    --------
    >>> load_profile("my.safetensors").about.network  # doctest: +SKIP
    'figures'
    """
    try:
        with safe_open(path, "np") as file:
            about = About.model_validate_json((file.metadata() or {})["about"])
            arrays = {name: np.asarray(file.get_tensor(name)) for name in file.keys()}  # noqa: SIM118
    except OSError as error:
        raise SettingsError(
            f"cannot read the profile {path}: {error.strerror or error}; "
            "wsi-scale calibrate makes one"
        ) from error
    except (SafetensorError, LookupError, TypeError, ValueError, MemoryError) as error:
        raise SettingsError(
            f"{path} is not a profile of this version of wsi-scale; wsi-scale calibrate makes one"
        ) from error
    return _checked(Path(path), about, arrays)


def _checked(path: Path, about: About, arrays: Mapping[str, NDArray[Any]]) -> Profile:
    """A profile made from arrays that fit together. Raises SettingsError if they do not."""
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
    for folders, name in ((about.error_folders, "errors"), (about.cut_folders, "cut_errors")):
        fits = fits and (folders is None or len(folders) == len(arrays[name]))
    fits = (
        fits and len(places) == 1 and places[0] >= 2 and bool((np.diff(arrays["places"]) > 0).all())
    )
    if not fits:
        raise SettingsError(f"{path} is damaged; make the profile again with wsi-scale calibrate")
    return Profile(about, **arrays)


def keys_of(responses: Responses) -> tuple[LayerKey, ...]:
    """The layers that a profile of these responses reads: all inner ones, else the output.

    Raises SettingsError if nothing was measured.
    """
    inner = [x for x in responses.layers if x.kind != "output"] or list(responses.layers)
    if not inner:
        raise SettingsError("no layer of the network was measured; name layers in its card")
    return tuple(LayerKey(name=x.name, kind=x.kind, channels=x.mean.shape[1]) for x in inner)


def features_of(responses: Responses, keys: Sequence[LayerKey], floor: Array | None) -> Array:
    """Mean and log standard deviation of every channel that is read, (R, 2C).

    floor: (C,) added to each variance; None: computed from these responses. Raises SettingsError
    if a layer was not measured or has a different number of channels.
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
                f"the profile reads layer {key.name} ({key.kind}, {key.channels} channels), which "
                "was not measured; it was made for another network or for other layers"
            )
        use = np.linspace(0, key.channels - 1, _used(key.channels)).round().astype(int)
        means.append(layer.mean[:, use])
        variances.append(layer.var[:, use])
    return np.concatenate(means, axis=1, dtype=float), np.concatenate(
        variances, axis=1, dtype=float
    )


def floor_of(var: Array) -> Array:
    """Number (C,) to add to variances (R, C) before the logarithm; 1 for layers without pixels."""
    usual = var.mean(axis=0)
    return np.where(usual > 0, _FLOOR * usual, 1.0)


def standardise(raw: Array, mean: Array, spread: Array) -> Array:
    """(R, D) features in units of the reference's spread; 0 where that is 0."""
    return np.asarray((raw - mean) / np.where(spread > 0, spread, np.inf))


def _used(channels: int) -> int:
    return min(channels, MAX_CHANNELS)
