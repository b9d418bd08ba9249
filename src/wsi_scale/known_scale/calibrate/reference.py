"""Calibrates a network on a reference: images whose right scale is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from wsi_scale.errors import NoTissueError, SettingsError, SiteError, SlideError
from wsi_scale.estimators.profile_file import About, Profile, keys_of
from wsi_scale.geometry import ScaleGrid, reach
from wsi_scale.known_scale.calibrate.augment import Jitter, jitter_pyramid
from wsi_scale.known_scale.calibrate.fit import MIN_IMAGES, Sample, fit_profile
from wsi_scale.networks.network import Network
from wsi_scale.networks.untrained import random_weights
from wsi_scale.plumbing.processes import Tell
from wsi_scale.plumbing.version import __version__
from wsi_scale.responses.measure import measure_responses
from wsi_scale.sites.choose import choose_sites
from wsi_scale.slide.base import Slide
from wsi_scale.slide.pyramid import sample_pyramid
from wsi_scale.slide.readers import open_slide
from wsi_scale.slide.resolution import scale_for

OCTAVES = 3.0
"""Largest distance from the right scale that is measured, on either side."""

FINEST = 1.0
"""Smallest scale in a reference; below it, pixels would be invented."""


@dataclass(frozen=True)
class ReferenceImages:
    """What is known about the reference images, and how to measure them.

    Give either ``scale`` or ``mpp``. Wrong values raise SettingsError.

    Examples
    --------
    >>> from wsi_scale.known_scale.calibrate import ReferenceImages
    >>> ReferenceImages(mpp=0.5, sites=4).jitters
    1
    """

    scale: float | None = None
    """Right scale of every image, level-0 px per network px."""
    mpp: float | None = None
    """µm per network px that the network wants. Each image's own µm/px then gives its scale."""
    sites: int = 8
    """Sites measured in each image, at least 1."""
    jitters: int = 1
    """Changed copies of each site, in addition to the plain one."""
    jitter: Jitter = field(default_factory=Jitter)
    """Limits of the changes."""
    per_octave: float = 8
    """Scales per octave."""
    seed: int = 0

    def __post_init__(self) -> None:
        if (self.scale is None) == (self.mpp is None):
            raise SettingsError(
                "give the right scale of the reference images: either scale or mpp, and not both"
            )
        for key in ("scale", "mpp", "per_octave"):
            value = getattr(self, key)
            if value is not None and not 0 < value < float("inf"):
                raise SettingsError(f"{key} must be above 0, got {value:g}")
        for key, least in (("sites", 1), ("jitters", 0), ("seed", 0)):
            if getattr(self, key) < least:
                raise SettingsError(f"{key} must be at least {least}, got {getattr(self, key)}")

    def right_scale(self, slide: Slide) -> float:
        """The right scale of one image.

        Parameters
        ----------
        slide : Slide
            An open image.

        Returns
        -------
        float
            Level-0 px per network px.

        Raises
        ------
        SettingsError
            When the scale must come from the image's µm/px and the image does not state it.
        """
        if self.scale is not None:
            return self.scale
        if slide.mpp is None:
            raise SettingsError(
                f"{slide.path} does not state its µm/px, so --mpp cannot be turned into a scale; "
                "give --scale, or leave this image out"
            )
        assert self.mpp is not None
        return scale_for(self.mpp, slide.mpp)


def calibrate(
    network: Network,
    images: Sequence[str],
    reference: ReferenceImages,
    tell: Tell = lambda *_: None,
) -> Profile:
    """The profile of a network, learnt from images whose right scale is known.

    Parameters
    ----------
    network : Network
        From ``load_network``.
    images : Sequence[str]
        Paths of at least 3 slides or plain images, each of a different case, because images are
        left out to measure the profile's errors. If they lie in three folders or more, a folder is
        left out whole: give each laboratory its own.
    reference : ReferenceImages
        The right scale, and how to measure the images.
    tell : Callable[[str, int, int], None], optional
        Called with the step, the number done and the number in all.

    Returns
    -------
    Profile
        ``save`` writes it to a file.

    Raises
    ------
    SettingsError, SlideError, NetworkError
        When an image, a value or the network cannot be used.

    Examples
    --------
    >>> from wsi_scale.known_scale.calibrate import ReferenceImages, calibrate
    >>> from wsi_scale.networks import load_network
    >>> images = ["a.svs", "b.svs", "c.svs"]
    >>> profile = calibrate(
    ...     load_network("figures"), images, ReferenceImages(scale=5)
    ... )  # doctest: +SKIP
    >>> profile.save("my.safetensors")  # doctest: +SKIP
    """
    if len(images) < MIN_IMAGES:
        raise SettingsError(
            f"a reference needs at least {MIN_IMAGES} images, each of a different case, so that "
            f"the profile can be tested on an image left out; got {len(images)}"
        )
    _check_sizes(network, images, reference)
    untaught = random_weights(network, reference.seed)
    samples, controls = [], []
    for number, path in enumerate(images):
        tell("measuring the reference", number, len(images))
        with open_slide(path) as slide:
            sample, control = look(network, slide, reference, number, untaught)
        samples.append(sample)
        controls.append(control)
    tell("fitting", len(images), len(images))
    about = _about(network, reference, samples)
    chance = np.abs(fit_profile(controls, about).errors)
    middle = float(np.median(chance)) if len(chance) else None
    return fit_profile(samples, about.model_copy(update={"control": middle}))


@dataclass(frozen=True)
class Room:
    """What of an image can be measured."""

    right: float
    """Right scale, level-0 px per network px."""
    size: int
    """Side of a patch, network px."""
    lo: float
    hi: float


def room_of(network: Network, slide: Slide, reference: ReferenceImages) -> Room:
    """Patch side and scales for one image. Raises SettingsError if it is too small."""
    right = reference.right_scale(slide)
    side = min(slide.bounds.width, slide.bounds.height)
    size = network.choose_input_size(max(side / right / 2, network.smallest_input_size))
    lo = max(FINEST, right / 2**OCTAVES)
    hi = min(right * 2**OCTAVES, 0.9 * side / size)
    if hi <= lo:
        raise SettingsError(
            f"{slide.path} is too small to learn from: its shorter side is {side:g} px, but "
            f"patches of {size} px from scale {lo:.3g} up need more than {lo * size / 0.9:.0f} px; "
            "leave it out"
        )
    return Room(right, size, lo, hi)


def _check_sizes(network: Network, images: Sequence[str], reference: ReferenceImages) -> None:
    """Raise SettingsError, before anything is measured, if one patch side does not suit all."""
    sizes: dict[str, int] = {}
    for path in images:
        with open_slide(path) as slide:
            sizes[path] = room_of(network, slide, reference).size
    smallest = min(sizes, key=sizes.__getitem__)
    if len(set(sizes.values())) > 1:
        raise SettingsError(
            f"the images have room for patches of {sizes[smallest]} to {max(sizes.values())} px, "
            f"but a profile needs one size; leave out the smallest images ({smallest} …), or set "
            "input_size in the card"
        )


def look(
    network: Network, slide: Slide, reference: ReferenceImages, number: int, untaught: Network
) -> tuple[Sample, Sample]:
    """Responses to one image, plain and changed, at all scales that fit on it: of the network, and
    of its untrained copy."""
    room = room_of(network, slide, reference)
    size, lo, hi = room.size, room.lo, room.hi
    try:
        sites = choose_sites(
            slide,
            reference.sites,
            seed=reference.seed,
            window_px=hi * size,
            min_window_px=lo * size,
            stain=network.card.stain,
        )
    except (NoTissueError, SiteError) as error:
        raise SlideError(f"{error}; or leave it out") from error
    hi = min(hi, max(reach(slide.bounds, site, size) for site in sites))
    grid = ScaleGrid.geometric(lo, hi, reference.per_octave)
    plain = [sample_pyramid(slide, site, grid, size=size) for site in sites]
    rng = np.random.default_rng([reference.seed, 10, number])
    copies = [
        [jitter_pyramid(one, reference.jitter, rng) for one in plain]
        for _ in range(reference.jitters)
    ]
    both = []
    for asked in (network, untaught):
        seen = [measure_responses(asked, x, gradient=False) for x in (plain, *copies)]
        source = str(Path(slide.path).parent)
        both.append(Sample(slide.path, room.right, seen[0], tuple(seen[1:]), source))
    return both[0], both[1]


def _about(network: Network, reference: ReferenceImages, samples: Sequence[Sample]) -> About:
    return About(
        network=network.name,
        sha256=network.sha256,
        input_size=samples[0].responses.input_size,
        layers=keys_of(samples[0].responses),
        sites=min(len(sample.responses.sites) for sample in samples),
        jitters=reference.jitters,
        strength=0.0,
        images=tuple(sample.image for sample in samples),
        version=__version__,
        seed=reference.seed,
    )
