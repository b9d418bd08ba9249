"""One slide, end to end. Owns the loop; prints nothing and knows no screen."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from wsi_scale.assemble import Run, build_report
from wsi_scale.errors import NoTissueError, SettingsError, SlideError
from wsi_scale.geometry import ScaleGrid, Site, reach
from wsi_scale.judge import Estimate, blank_estimate, estimate
from wsi_scale.looking import free_of_colour, measure_site, read_ahead
from wsi_scale.prior import expected_scale, narrowed
from wsi_scale.profile import Profile, load_profile
from wsi_scale.pyramid import sample_pyramid
from wsi_scale.report import Report
from wsi_scale.responses import Responses, merge
from wsi_scale.settings import Settings
from wsi_scale.sites import choose_sites, parse_region
from wsi_scale.slide import Slide, open_slide

if TYPE_CHECKING:
    from wsi_scale.networks.network import Network

MIN_SITES_AT_HI = 3
"""The largest scale is one at which at least this many sites still fit on the slide."""

SQUARE = 0.02
"""Pixels whose sides differ by no more than this share count as square."""

_PARTIAL_SECONDS = 0.5  # between two answers on the way
_PARTIAL_RESAMPLES = 40
_PARTIAL_SHARE = 10  # measure at least this many times as long as the last answer took


@dataclass(frozen=True)
class Progress:
    """Where a run stands. The last one of a run has ``finished`` set."""

    run: Run
    done: int
    """Sites measured or dropped; with a colour fit each site counts twice."""
    total: int
    estimate: Estimate | None
    """The answer so far; sharpens as sites come in. None until something was measured."""
    parts: tuple[Responses, ...]
    """What the network answered, site by site."""
    seconds: float
    """Since the start of the run."""
    seconds_left: float | None
    """None until the first site is done."""
    finished: bool = False

    @property
    def responses(self) -> Responses | None:
        """All parts joined; None before the first site."""
        return merge(list(self.parts)) if self.parts else None

    def report(self) -> Report | None:
        """The report as it stands, marked partial unless finished; None before any answer."""
        if self.estimate is None:
            return None
        patches = sum(len(part.entropy) for part in self.parts)
        return build_report(
            self.run, self.estimate, self.seconds, patches, partial=not self.finished
        )


def estimate_slide(
    slide: str | os.PathLike[str] | Slide | Any,
    network: str | Network = "figures",
    settings: Settings | None = None,
) -> Report:
    """Estimate the scale at which the network sees the slide best.

    slide: a path, an open Slide, an array or a list of arrays of falling size.
    network: a SPEC or a loaded Network.
    Raises WsiScaleError, one sentence, for anything that cannot be read, fed or asked.
    """
    (last,) = deque(iter_estimates(slide, network, settings), maxlen=1)
    report = last.report()
    assert report is not None  # the last progress of a run always has an answer
    return report


def iter_estimates(
    slide: str | os.PathLike[str] | Slide | Any,
    network: str | Network = "figures",
    settings: Settings | None = None,
) -> Iterator[Progress]:
    """Estimate with live progress: one Progress a site, the last one finished.

    Stop at any time by closing the iterator; ``Progress.report()`` of the last one received is
    then the partial result.
    """
    settings = settings or Settings()
    if isinstance(network, str):
        from wsi_scale.networks import load_network

        network = load_network(network)
    settings = _with_profile(settings, network)
    with _open(slide, settings) as ready:
        started = time.monotonic()
        try:
            run = plan_run(ready, network, settings)
        except NoTissueError as error:
            run = Run(ready, network, settings, (), _wished_grid(settings), 0)
            nothing = blank_estimate(run.grid, settings.interval_level, str(error))
            seconds = time.monotonic() - started
            yield Progress(run, 0, 0, nothing, (), seconds, 0.0, finished=True)
            return
        yield from _measure_sites(run, started)


def _open(slide: Any, settings: Settings) -> AbstractContextManager[Slide]:
    """The slide, closed after use if it was opened here. An open one must be as asked for."""
    if not isinstance(slide, Slide):
        return open_slide(slide, reader=settings.reader, mpp=settings.mpp)
    given = None if settings.mpp is None else (settings.mpp, settings.mpp)
    if given not in (None, slide.mpp) or settings.reader not in (None, slide.reader):
        raise SettingsError(
            f"{slide.path} is already open with reader {slide.reader} and mpp {slide.mpp}; "
            "give reader and mpp to open_slide instead of the settings"
        )
    return nullcontext(slide)


def cut_strip(
    slide: Slide, site: Site, grid: ScaleGrid, size: int, *, nearest: float | None, count: int = 7
) -> list[tuple[float, NDArray[np.uint8]]]:
    """Patches of one site at scales spread over the grid, as the network saw them.

    nearest: a scale that is shown exactly, in place of the patch closest to it.
    Returns up to ``count`` pairs (scale, (size, size, 3) uint8), finest first.
    """
    fits = [scale for scale in grid.scales if scale <= reach(slide.bounds, site, size)]
    if not fits:
        return []
    wished = list(np.geomspace(fits[0], fits[-1], count)) if len(fits) > 1 else fits
    if nearest is not None and nearest <= fits[-1]:
        wished[int(np.argmin(np.abs(np.log(np.array(wished) / nearest))))] = nearest
    scales = ScaleGrid(tuple(sorted({float(scale) for scale in wished})))
    pyramid = sample_pyramid(slide, site, scales, size=size)
    return [
        (scales.scales[index], patch)
        for index, patch in zip(pyramid.indices, pyramid.patches, strict=True)
    ]


def _with_profile(settings: Settings, network: Network) -> Settings:
    """The settings with the profile that they, or else the network's card, name.

    Raises SettingsError when it cannot be read or was made for other weights.
    """
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


def _wished_grid(settings: Settings) -> ScaleGrid:
    return ScaleGrid.geometric(*settings.scales, settings.per_octave)


def plan_run(slide: Slide, network: Network, settings: Settings) -> Run:
    """Choose patch size, sites and the scales that fit; no patch is cut yet.

    Raises NoTissueError where there is nothing to look at, and SettingsError or SiteError where
    less than an octave of scales fits.
    """
    from wsi_scale.measure import find_target

    find_target(network, settings.target)  # refused now, not after the slide was looked at
    lo, hi = settings.scales
    if settings.trust_metadata:
        expected = expected_scale(network.card.training_mpp, slide.mpp)
        lo, hi = narrowed(settings.scales, expected)
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
            f"scales from {lo:g} up with patches of {size} px; lower LO in --scales"
        )
    sites = choose_sites(
        slide,
        settings.sites,
        seed=settings.seed,
        region=None if settings.region is None else parse_region(settings.region),
        window_px=widest,
        min_window_px=2 * lo * size,
    )
    reaches = sorted((reach(slide.bounds, site, size) for site in sites), reverse=True)
    fits = reaches[min(MIN_SITES_AT_HI, len(reaches)) - 1]
    warnings: tuple[str, ...] = ()
    if fits < hi:
        if fits < 2 * lo:
            raise SettingsError(
                f"scales from {lo:g} to {fits:.3g} are all that fits on {slide.path} with patches "
                f"of {size} px, less than an octave; lower LO in --scales"
            )
        warnings = (
            f"the slide has room for scales up to {fits:.3g} only, so the window is "
            f"{lo:g} to {fits:.3g} instead of {lo:g} to {hi:g}",
        )
        hi = fits
    if slide.mpp is not None and abs(slide.mpp[0] / slide.mpp[1] - 1) > SQUARE:
        x, y = slide.mpp
        note = f"pixels are not square ({x:.4g} × {y:.4g} µm) but are shown to the network as if"
        warnings = (*warnings, f"{note} they were; µm/px of the report is their mean")
    grid = ScaleGrid.geometric(lo, hi, settings.per_octave)
    return Run(slide, network, settings, tuple(sites), grid, size, warnings)


def _measure_sites(run: Run, started: float) -> Iterator[Progress]:
    """Measure site by site, reading ahead in a second thread."""
    parts: list[Responses] = []
    dropped: list[str] = []
    answer: Estimate | None = None
    sites = len(run.sites)
    total = 2 * sites if run.settings.colour_fit else sites
    next_answer = 0.0
    for done, pyramid in enumerate(read_ahead(run, run.sites), start=1):
        if isinstance(pyramid, SlideError):
            dropped.append(str(pyramid))
        else:
            parts.append(measure_site(run, pyramid))
        if done == sites == total:
            break
        now = time.monotonic()
        if parts and now >= next_answer:
            answer = _judge(run, merge(parts), _PARTIAL_RESAMPLES)
            took = time.monotonic() - now
            next_answer = time.monotonic() + max(_PARTIAL_SECONDS, _PARTIAL_SHARE * took)
        seconds = time.monotonic() - started
        left = seconds / done * (total - done)
        noted = _note_dropped(run, dropped)
        yield Progress(noted, done, total, answer, tuple(parts), seconds, left)
    if not parts:
        raise SlideError(f"none of {sites} sites could be read: {dropped[0]}")
    run = _note_dropped(run, dropped)
    if run.settings.colour_fit:
        for done, part in enumerate(free_of_colour(run, tuple(parts)), start=sites + 1):
            parts[done - sites - 1] = part
            seconds = time.monotonic() - started
            left = seconds / done * (total - done)
            if done < total:
                yield Progress(run, done, total, answer, tuple(parts), seconds, left)
    answer = _judge(run, merge(parts), run.settings.resamples)
    seconds = time.monotonic() - started
    yield Progress(run, total, total, answer, tuple(parts), seconds, 0.0, finished=True)


def _note_dropped(run: Run, dropped: list[str]) -> Run:
    """The run with a warning about sites that could not be read, if there were any."""
    if not dropped:
        return run
    note = (
        f"{len(dropped)} of {len(run.sites)} sites could not be read and were dropped: {dropped[0]}"
    )
    return replace(run, warnings=(*run.warnings, note))


def _judge(run: Run, responses: Responses, resamples: int) -> Estimate:
    settings = run.settings
    return estimate(
        responses,
        estimator=settings.estimator,
        options=settings.options,
        seed=settings.seed,
        interval_level=settings.interval_level,
        resamples=resamples,
    )
