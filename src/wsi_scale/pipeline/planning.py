"""Plans a run before the first patch is cut: patch size, sites, scales, profile."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from wsi_scale.errors import SettingsError
from wsi_scale.estimators.profile_file import Profile, load_profile
from wsi_scale.geometry import ScaleGrid, Site, reach
from wsi_scale.judgement.by_size import NOT_SQUARE, RULER
from wsi_scale.pipeline.coarse_to_fine import first_scales, strides
from wsi_scale.pipeline.run import Run
from wsi_scale.pipeline.settings import Settings
from wsi_scale.sites.choose import place_sites
from wsi_scale.sites.overview import survey
from wsi_scale.sites.polygons import Region
from wsi_scale.sites.region_frame import region_on
from wsi_scale.slide.base import Slide
from wsi_scale.slide.resolution import expected_scale, narrowed

if TYPE_CHECKING:
    from wsi_scale.networks.network import Network

Warnings = tuple[str, ...]

MIN_SITES_AT_HI = 3
"""At the largest scale at least this many sites must still fit on the slide."""

NO_ROOM = "the slide has room for scales up to"
"""A warning about the window of a search begins so."""

SITES_BESIDE = 8
"""Sites visited, at most, where the network's own answer only stands beside that of the ruler."""

SQUARE = 0.02
"""Pixels count as square if their sides differ by no more than this share."""


def with_card(settings: Settings, network: Network) -> Settings:
    """The settings, completed with the profile, colour fit and selectivity of the network's card.

    Raises SettingsError when a profile cannot be read or was made for other weights.
    """
    if settings.colour_fit is None:
        settings = settings.model_copy(update={"colour_fit": network.card.free_colour})
    if settings.options.selective is None and network.card.selective is not None:
        options = settings.options.model_copy(update={"selective": network.card.selective})
        settings = settings.model_copy(update={"options": options})
    path = settings.profile or network.card.profile
    if path is None or settings.options.profile is not None:
        return settings
    profile = load_profile(path)
    check_profile(profile, network, path)
    options = settings.options.model_copy(update={"profile": profile})
    return settings.model_copy(update={"options": options})


def check_profile(profile: Profile, network: Network, path: str) -> None:
    """Raise SettingsError when a profile was made for other weights than the network's."""
    made_for, given = profile.about.sha256, network.sha256
    if None not in (made_for, given) and made_for != given:
        raise SettingsError(
            f"{path} was made for {profile.about.network} with other weights than those of "
            f"{network.name}; make a profile of this network with wsi-scale calibrate"
        )


def wished_grid(lo: float, hi: float, settings: Settings) -> ScaleGrid:
    """All scales that a run may measure; every step-th of them is measured first."""
    step = strides(settings.per_octave)[0] if settings.coarse_to_fine else 1
    return ScaleGrid.geometric(lo, hi, settings.per_octave, multiple=step)


def expected_patches(settings: Settings) -> int:
    """Patches that a run usually measures, estimated before the slide is known.

    The real number differs if the window turns out narrower, if the best scale moves, or if the
    requested precision is reached early.
    """
    steps = strides(settings.per_octave) if settings.coarse_to_fine else (1,)
    scales = len(wished_grid(*settings.scales, settings))
    each = len(first_scales(scales, steps[0])) + 2 * (len(steps) - 1)
    return each * settings.sites * (2 if settings.colour_fit else 1)


def plan_run(slide: Slide, network: Network, settings: Settings) -> Run:
    """The run: patch size, sites and the scales that fit; no patch is cut yet.

    Raises NoTissueError when the slide is blank, and SettingsError or SiteError when less than an
    octave of scales fits.
    """
    from wsi_scale.responses.measure import find_target

    find_target(network, settings.target)  # refuse now, not after searching the slide
    (lo, hi), trusted = _window(slide, network, settings)
    size, widest = patch_size(slide, network, settings, lo, hi)
    region = region_of(slide, settings)
    tissue = survey(slide, region, network.card.stain)
    sites = place_sites(
        slide,
        tissue,
        _sites_to_visit(network, settings),
        seed=settings.seed,
        window_px=widest,
        min_window_px=2 * lo * size,
    )
    hi, lowered = highest_that_fits(slide, sites, size, lo, hi)
    warnings = (*notes_of(slide, network, region), *trusted, *tissue.warnings, *lowered)
    grid = wished_grid(lo, hi, settings)
    return Run(slide, network, settings, tuple(sites), grid, size, warnings, tissue)


def plan_without_network(slide: Slide, network: Network, settings: Settings) -> Run:
    """The run for a network that is not here: nothing is shown to it.

    Raises SettingsError for settings that ask something of the network itself.
    """
    for name in ("target", "layers", "profile"):
        if getattr(settings, name) is not None:
            raise SettingsError(
                f"{name} asks something of the network itself, and {network.spec} is not here; "
                "leave it out, or name the network's weights"
            )
    if settings.estimator not in ("auto", RULER):
        raise SettingsError(
            f"estimator {settings.estimator} cannot be used with {network.spec}, whose weights are "
            "not here; leave it out, or name them (--network)"
        )
    told = notes_of(slide, network, region_of(slide, settings))
    grid = wished_grid(*settings.scales, settings)
    return Run(slide, network, settings, (), grid, network.card.input_size or 0, told)


def _sites_to_visit(network: Network, settings: Settings) -> int:
    """Few, where the answer follows from µm/px and the network has no evidence of its own."""
    from wsi_scale.networks.layers import is_batchnorm

    if network.card.training_mpp is None or settings.estimator not in ("auto", RULER):
        return settings.sites
    options = settings.options
    learnt = options.profile or options.reference or options.selective
    if settings.estimator == "auto" and (learnt or any(map(is_batchnorm, network.calls))):
        return settings.sites
    return min(settings.sites, SITES_BESIDE)


def notes_of(slide: Slide, network: Network, region: Region | None) -> Warnings:
    """What there is to say about slide, network and region before anything is measured."""
    told = (*slide.notes, *network.notes, *(() if region is None else region.notes))
    return (*told, *_not_square(slide))


def region_of(slide: Slide, settings: Settings) -> Region | None:
    """The region of the settings on the slide; None for all tissue. Raises SettingsError."""
    if settings.region is None:
        if settings.region_class is not None:
            raise SettingsError(
                f"there is no region to take class {settings.region_class!r} from; name a GeoJSON "
                "file with --region"
            )
        return None
    return region_on(slide, settings.region, settings.region_origin, settings.region_class)


def _window(
    slide: Slide, network: Network, settings: Settings
) -> tuple[tuple[float, float], Warnings]:
    """LO and HI from the settings, narrowed if the metadata are to be trusted."""
    if not settings.trust_metadata:
        return settings.scales, ()
    expected = expected_scale(network.card.training_mpp, slide.mpp)
    lo, hi = narrowed(settings.scales, expected)
    note = (
        f"the metadata were trusted, so only scales from {lo:.3g} to {hi:.3g} were searched; "
        "leave out --trust-metadata to search further"
    )
    return (lo, hi), (note,)


def patch_size(
    slide: Slide, network: Network, settings: Settings, lo: float, hi: float
) -> tuple[int, float]:
    """Side of a patch in network px, and of the widest patch in level-0 px.

    Raises SettingsError when less than an octave of scales fits on the slide.
    """
    side = min(slide.bounds.width, slide.bounds.height)
    size = network.choose_input_size(max(side / hi, network.smallest_input_size))
    profile = settings.options.profile
    if profile is not None and network.input_size is None:
        size = profile.about.input_size  # padding depends on size: a profile fits one
    # three patches as wide as the slide would share one centre, so leave a tenth of its width free
    widest = 0.9 * side if size * hi > side else size * hi
    if widest < 2 * lo * size:
        raise SettingsError(
            f"{slide.path} has a shorter side of {side:g} px, too small for an octave of scales "
            f"from {lo:g} up with patches of {size} px; use an image of at least "
            f"{math.ceil(2 * lo * size)} px, or lower LO in --scales"
        )
    return size, widest


def highest_that_fits(
    slide: Slide, sites: Sequence[Site], size: int, lo: float, hi: float
) -> tuple[float, Warnings]:
    """HI, lowered to the largest scale at which MIN_SITES_AT_HI sites fit.

    Raises SettingsError when that leaves less than an octave.
    """
    reaches = sorted((reach(slide.bounds, site, size) for site in sites), reverse=True)
    fits = reaches[min(MIN_SITES_AT_HI, len(reaches)) - 1]
    if fits >= hi:
        return hi, ()
    if fits < 2 * lo:
        raise SettingsError(
            f"only scales from {lo:g} to {fits:.3g} fit on {slide.path} with patches of {size} px, "
            "less than an octave; use a larger image or lower LO in --scales"
        )
    window = f"the window is {lo:g} to {fits:.3g} instead of {lo:g} to {hi:g}"
    return fits, (f"{NO_ROOM} {fits:.3g} only, so {window}",)


def _not_square(slide: Slide) -> Warnings:
    if slide.mpp is None or abs(slide.mpp[0] / slide.mpp[1] - 1) <= SQUARE:
        return ()
    x, y = slide.mpp
    note = f"{NOT_SQUARE} ({x:.4g} × {y:.4g} µm), but the network is shown them as if they"
    return (f"{note} were; the report's µm/px is the mean of both sides",)
