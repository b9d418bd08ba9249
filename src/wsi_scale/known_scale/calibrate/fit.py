"""Fits the map from responses to relative scale and tests it on images left out; without torch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from wsi_scale.errors import SettingsError
from wsi_scale.estimators import profile as reader
from wsi_scale.estimators.profile_file import (
    About,
    LayerKey,
    Profile,
    features_of,
    floor_of,
    moments_of,
    standardise,
)
from wsi_scale.plumbing.arrays import Array
from wsi_scale.responses.record import Responses

MIN_IMAGES = 3
"""Fewest images; with fewer, too little is left to learn from when one is left out."""

MOST_FOLDS = 20
"""Up to this number, images are left out one at a time; more images form this many groups."""

STRENGTHS = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1)
"""Ridge penalties to try; the one with the smallest error on images left out is kept."""

STEP = 0.25
"""Octaves between the places at which the noise of a patch is measured."""

LEAST_NOISE = 0.02
"""Octaves; the smallest noise that is assumed anywhere."""

STEADY = 0.1
"""The spread of a feature is at least this share of the median spread. A feature that hardly varied
teaches nothing, but if it moves on a slide, the slide is strange."""

EXPLAINED = 0.95
"""Share of the reference's variance that its directions explain."""

MOST_DIRECTIONS = 48

TAIL = 0.5
"""Octaves by which the cut windows of an image left out reach beyond its right scale."""


@dataclass(frozen=True)
class Sample:
    """The network's responses to one image whose right scale is known."""

    image: str
    """Path of the image."""
    scale: float
    """Right scale, level-0 px per network px."""
    responses: Responses
    jittered: tuple[Responses, ...] = ()
    """The same sites with changed stain, brightness, sharpness and compression."""
    source: str = ""
    """Where the image comes from, such as its laboratory; see ``folds_of``."""


@dataclass(frozen=True)
class FeatureTable:
    """All rows of all samples, plain and jittered."""

    x: Array
    """(R, D) features, not standardised."""
    y: Array
    """(R,) octaves from the right scale."""
    image: NDArray[np.int64]
    """(R,) number of the row's sample."""
    fold: NDArray[np.int64]
    """(R,) number of the group that is left out together."""


@dataclass(frozen=True)
class Map:
    """A ridge regression on standardised features."""

    mean: Array
    spread: Array
    weights: Array
    intercept: float

    def __call__(self, x: Array) -> Array:
        return np.asarray(standardise(x, self.mean, self.spread) @ self.weights + self.intercept)


def fit_profile(samples: Sequence[Sample], about: About) -> Profile:
    """The profile learnt from samples, with its errors on images left out.

    Parameters
    ----------
    samples : Sequence[Sample]
        At least 3, each of a different case.
    about : About
        What to record in the profile; ``strength`` is replaced by the best ridge penalty.

    Returns
    -------
    Profile

    Raises
    ------
    SettingsError
        When there are fewer than 3 samples, or they span less than an octave of scale.

    Examples
    --------
    >>> fit_profile(samples, about).save("my.safetensors")  # doctest: +SKIP
    """
    if len(samples) < MIN_IMAGES:
        raise SettingsError(
            f"a reference needs at least {MIN_IMAGES} images, so that the profile can be tested on "
            f"an image left out; got {len(samples)}"
        )
    floor = floor_of(np.concatenate([moments_of(s.responses, about.layers)[1] for s in samples]))
    table = gather(samples, about.layers, floor)
    if np.ptp(table.y) < 1:
        raise SettingsError(
            f"the reference spans {np.ptp(table.y):.2g} octaves of scale, but needs at least 1; "
            "use larger images"
        )
    left_out = {strength: leave_out(table, strength) for strength in STRENGTHS}
    strength = min(STRENGTHS, key=lambda s: float(np.mean((left_out[s] - table.y) ** 2)))
    sources = len({sample.source for sample in samples})
    about = about.model_copy(update={"strength": strength, "sources": sources})
    places = places_of(table.y)
    noise = noise_of(places, table.y, left_out[strength])
    whole = _build(table, about, floor, (places, noise))
    return _measured(whole, table, samples)


def gather(samples: Sequence[Sample], keys: Sequence[LayerKey], floor: Array) -> FeatureTable:
    """All rows of all samples, except those of enlarged patches."""
    folds = folds_of([sample.source for sample in samples])
    x, y, image = [], [], []
    for number, sample in enumerate(samples):
        for responses in (sample.responses, *sample.jittered):
            real = ~responses.upsampled
            scales = np.array(responses.grid.scales)[responses.scale_index[real]]
            x.append(features_of(responses, keys, floor)[real])
            y.append(np.log2(scales / sample.scale))
            image.append(np.full(len(scales), number))
    owner = np.concatenate(image)
    return FeatureTable(np.concatenate(x), np.concatenate(y), owner, folds[owner])


def folds_of(sources: Sequence[str]) -> NDArray[np.int64]:
    """(I,) number of the group of images that are left out together.

    From three sources on, a source is left out whole, because its images err alike; with fewer,
    every image is left out alone.

    >>> folds_of(["a", "a", "b", "c"]).tolist(), folds_of(["a", "a", "b"]).tolist()
    ([0, 0, 1, 2], [0, 1, 2])
    """
    numbers = whole_sources(sources)
    return (np.arange(len(sources)) if numbers is None else numbers) % MOST_FOLDS


def whole_sources(sources: Sequence[str]) -> NDArray[np.int64] | None:
    """(I,) number of each image's source; None if there are too few to leave one out whole."""
    names, numbers = np.unique(np.array(sources), return_inverse=True)
    return np.asarray(numbers, np.int64) if len(names) >= MIN_IMAGES else None


def ridge(x: Array, y: Array, strength: float) -> Map:
    """Ridge regression on standardised features."""
    mean, spread = x.mean(axis=0), x.std(axis=0)
    spread = np.maximum(spread, STEADY * np.median(spread))
    z, middle = standardise(x, mean, spread), float(y.mean())
    rows, features = z.shape
    if rows < features:  # the same weights, solved in as many unknowns as rows
        weights = z.T @ np.linalg.solve(z @ z.T + strength * rows * np.eye(rows), y - middle)
    else:
        weights = np.linalg.solve(z.T @ z + strength * rows * np.eye(features), z.T @ (y - middle))
    return Map(mean, spread, weights, middle)


def leave_out(table: FeatureTable, strength: float) -> Array:
    """(R,) octaves that a map gives for each row, fitted without the row's own image."""
    out = np.empty(len(table.y))
    for fold in np.unique(table.fold):
        mine = table.fold == fold
        out[mine] = ridge(table.x[~mine], table.y[~mine], strength)(table.x[mine])
    return out


def places_of(y: Array) -> Array:
    """(T,) evenly spaced places over the reference's range, about STEP apart."""
    return np.linspace(y.min(), y.max(), max(2, round(float(np.ptp(y)) / STEP) + 1))


def noise_of(places: Array, truth: Array, said: Array) -> Array:
    """(T,) root mean square error of the rows that the map places near each place."""
    near = np.exp(-0.5 * ((said[None] - places[:, None]) / STEP) ** 2) + 1e-12
    mean = (near * (said - truth) ** 2).sum(axis=1) / near.sum(axis=1)
    return np.asarray(np.maximum(np.sqrt(mean), LEAST_NOISE))


def directions(x: Array) -> Array:
    """(K, D) orthonormal directions that explain EXPLAINED of the variance of standardised rows."""
    if len(x) < x.shape[1]:
        _, sizes, vectors = np.linalg.svd(x, full_matrices=False)
        values = sizes**2
    else:
        rising, columns = np.linalg.eigh(x.T @ x)
        values, vectors = np.maximum(rising[::-1], 0), columns[:, ::-1].T
    enough = int(np.searchsorted(np.cumsum(values) / values.sum(), EXPLAINED)) + 1
    return np.ascontiguousarray(vectors[: min(enough, MOST_DIRECTIONS)])


def _build(table: FeatureTable, about: About, floor: Array, noise: tuple[Array, Array]) -> Profile:
    """A profile fitted to all rows of a table; its errors are not measured yet."""
    learnt = ridge(table.x, table.y, about.strength)
    standard = standardise(table.x, learnt.mean, learnt.spread)
    nothing = np.zeros(0)
    return Profile(
        about, floor, learnt.mean, learnt.spread, learnt.weights, np.array([learnt.intercept]),
        directions(standard), *noise, nothing, nothing, nothing,
    )  # fmt: skip


def _measured(whole: Profile, table: FeatureTable, samples: Sequence[Sample]) -> Profile:
    """The profile, with the errors of profiles of the other images on each image left out."""
    whole_errors: list[list[float]] = [[] for _ in samples]
    cut_errors: list[list[float]] = [[] for _ in samples]
    strange = np.zeros(len(samples))
    noise = whole.places, whole.noise
    for fold in np.unique(table.fold):
        rest = table.fold != fold
        others = FeatureTable(table.x[rest], table.y[rest], table.image[rest], table.fold[rest])
        part = _build(others, whole.about, whole.floor, noise)
        for number in np.unique(table.image[~rest]):
            sample = samples[number]
            uncut = reader.read(part, sample.responses)
            strange[number] = uncut.strangeness
            whole_errors[number] = errors_of(sample, [uncut])
            cut = [reader.read(part, x) for x in cut_windows(sample)]
            cut_errors[number] = errors_of(sample, cut)
    folders = {
        "error_folders": _folders(samples, whole_errors),
        "cut_folders": _folders(samples, cut_errors),
    }
    return replace(
        whole,
        about=whole.about.model_copy(update=folders),
        errors=np.array([x for own in whole_errors for x in own]),
        cut_errors=np.array([x for own in cut_errors for x in own]),
        strangeness=strange,
    )


def _folders(
    samples: Sequence[Sample], errors: Sequence[Sequence[float]]
) -> tuple[int, ...] | None:
    """The source of each error, if sources were left out whole."""
    numbers = whole_sources([sample.source for sample in samples])
    if numbers is None:
        return None
    return tuple(np.repeat(numbers, [len(own) for own in errors]).tolist())


def errors_of(sample: Sample, readings: Sequence[reader.Reading]) -> list[float]:
    """Error, in octaves, of each reading of a sample that gives an answer."""
    answers = [x.answer(np.ones(len(sample.responses.sites))) for x in readings]
    return [float(np.log2(x / sample.scale)) for x in answers if x is not None]


def cut_windows(sample: Sample) -> Iterator[Responses]:
    """Responses in two windows: from each end of the scales to TAIL beyond the right scale."""
    scales, wide = sample.responses.grid.scales, 2**TAIL
    if scales[-1] > sample.scale * wide and scales[0] < sample.scale:
        yield sample.responses.between(scales[0], sample.scale * wide)
    if scales[0] < sample.scale / wide and scales[-1] > sample.scale:
        yield sample.responses.between(sample.scale / wide, scales[-1])
