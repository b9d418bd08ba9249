"""What a run will look at, before the first patch is cut: patch size, sites, scales, profile."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from wsi_scale.errors import SettingsError
from wsi_scale.estimators.profile_file import Profile, load_profile
from wsi_scale.geometry import ScaleGrid, Site, reach
from wsi_scale.pipeline.coarse_to_fine import first_scales, strides
from wsi_scale.pipeline.run import Run
from wsi_scale.pipeline.settings import Settings
from wsi_scale.sites.choose import place_sites
from wsi_scale.sites.overview import survey
from wsi_scale.sites.regions import parse_region
from wsi_scale.slide.base import Slide
from wsi_scale.slide.resolution import expected_scale, narrowed

if TYPE_CHECKING:
    from wsi_scale.networks.network import Network

MIN_SITES_AT_HI = 3
"""The largest scale is one at which at least this many sites still fit on the slide."""

SQUARE = 0.02
"""Pixels whose sides differ by no more than this share count as square."""


def with_card(settings: Settings, network: Network) -> Settings:
    """The settings, with what they leave to the network's card: profile and colour fit.

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
    """All scales between which a run may choose, so many that coarse ones lie evenly among them."""
    step = strides(settings.per_octave)[0] if settings.coarse_to_fine else 1
    return ScaleGrid.geometric(lo, hi, settings.per_octave, multiple=step)


def expected_patches(settings: Settings) -> int:
    """Patches that a run will measure as a rule, before the slide is known: its window may turn out
    narrower, the best scale may move, and an asked precision may be reached sooner."""
    steps = strides(settings.per_octave) if settings.coarse_to_fine else (1,)
    scales = len(wished_grid(*settings.scales, settings))
    each = len(first_scales(scales, steps[0])) + 2 * (len(steps) - 1)
    return each * settings.sites * (2 if settings.colour_fit else 1)


def plan_run(slide: Slide, network: Network, settings: Settings) -> Run:
    """Choose patch size, sites and the scales that fit; no patch is cut yet.

    Raises NoTissueError where there is nothing to look at, and SettingsError or SiteError where
    less than an octave of scales fits.
    """
    from wsi_scale.responses.measure import find_target

    find_target(network, settings.target)  # refused now, not after the slide was looked at
    (lo, hi), trusted = _window(slide, network, settings)
    size, widest = _patch_size(slide, network, settings, lo, hi)
    region = None if settings.region is None else parse_region(settings.region)
    tissue = survey(slide, region, network.card.stain)
    sites = place_sites(
        slide,
        tissue,
        settings.sites,
        seed=settings.seed,
        window_px=widest,
        min_window_px=2 * lo * size,
    )
    hi, lowered = _highest_that_fits(slide, sites, size, lo, hi)
    warnings = (*trusted, *tissue.warnings, *lowered, *_not_square(slide))
    grid = wished_grid(lo, hi, settings)
    return Run(slide, network, settings, tuple(sites), grid, size, warnings)


Warnings = tuple[str, ...]


def _window(
    slide: Slide, network: Network, settings: Settings
) -> tuple[tuple[float, float], Warnings]:
    """LO and HI: those asked for, or what trusted metadata leave of them."""
    if not settings.trust_metadata:
        return settings.scales, ()
    expected = expected_scale(network.card.training_mpp, slide.mpp)
    lo, hi = narrowed(settings.scales, expected)
    note = (
        f"the metadata were trusted, so only scales from {lo:.3g} to {hi:.3g} were looked at; "
        "leave --trust-metadata out to look further"
    )
    return (lo, hi), (note,)


def _patch_size(
    slide: Slide, network: Network, settings: Settings, lo: float, hi: float
) -> tuple[int, float]:
    """Side of a patch in network px, and level-0 side of the widest patch.

    Raises SettingsError where less than an octave of scales fits on the slide.
    """
    side = min(slide.bounds.width, slide.bounds.height)
    size = network.choose_input_size(max(side / hi, network.smallest_input_size))
    profile = settings.options.profile
    if profile is not None and network.input_size is None:
        size = profile.about.input_size  # padding tells the size, so a profile knows one only
    # three sites cannot share the one centre of a slide, so a window that fills it leaves a tenth
    widest = 0.9 * side if size * hi > side else size * hi
    if widest < 2 * lo * size:
        raise SettingsError(
            f"{slide.path} is {side:g} px wide where it is narrowest: too small for an octave of "
            f"scales from {lo:g} up with patches of {size} px; take one of "
            f"{math.ceil(2 * lo * size)} px or more, or lower LO in --scales"
        )
    return size, widest


def _highest_that_fits(
    slide: Slide, sites: Sequence[Site], size: int, lo: float, hi: float
) -> tuple[float, Warnings]:
    """HI, lowered to the largest scale at which MIN_SITES_AT_HI sites fit.

    Raises SettingsError where that leaves less than an octave.
    """
    reaches = sorted((reach(slide.bounds, site, size) for site in sites), reverse=True)
    fits = reaches[min(MIN_SITES_AT_HI, len(reaches)) - 1]
    if fits >= hi:
        return hi, ()
    if fits < 2 * lo:
        raise SettingsError(
            f"scales from {lo:g} to {fits:.3g} are all that fits on {slide.path} with patches "
            f"of {size} px, less than an octave; take a larger one or lower LO in --scales"
        )
    note = (
        f"the slide has room for scales up to {fits:.3g} only, so the window is "
        f"{lo:g} to {fits:.3g} instead of {lo:g} to {hi:g}"
    )
    return fits, (note,)


def _not_square(slide: Slide) -> Warnings:
    if slide.mpp is None or abs(slide.mpp[0] / slide.mpp[1] - 1) <= SQUARE:
        return ()
    x, y = slide.mpp
    note = f"pixels are not square ({x:.4g} × {y:.4g} µm) but are shown to the network as if"
    return (f"{note} they were; µm/px of the report is their mean",)
