"""The ruler's part of a run: the size of the slide's pixels, and the scale that follows from it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

from wsi_scale.errors import SettingsError, SiteError, SlideError
from wsi_scale.judgement.by_size import NOT_SQUARE, RULER, beside_size, follow_size
from wsi_scale.judgement.estimate import TOLERANCE, Estimate, blank_estimate
from wsi_scale.judgement.tolerance import steady_band
from wsi_scale.judgement.wide_interval import is_near
from wsi_scale.networks.absent import USUAL_PX
from wsi_scale.pipeline.planning import region_of
from wsi_scale.pipeline.progress import Progress
from wsi_scale.pipeline.run import Run
from wsi_scale.pipeline.settings import Settings
from wsi_scale.pixel_size.audit import stated_mpp
from wsi_scale.pixel_size.read_tissue import measure_pixel_size
from wsi_scale.pixel_size.scale_by_size import scale_by_size
from wsi_scale.report import PixelSize
from wsi_scale.responses.record import Responses

FINEST = 0.5
"""Below this scale a patch shows less than a quarter of its pixels' worth of the slide."""


def ask_ruler(run: Run) -> PixelSize | None:
    """The size of the slide's pixels, read from its tissue; None if the settings say no."""
    if not run.settings.ruler:
        return None
    try:
        return measure_pixel_size(
            run.slide,
            region=region_of(run.slide, run.settings),
            seed=run.settings.seed,
            device=str(run.network.device),
            tissue=run.tissue,
        )
    except (SiteError, SlideError) as error:  # nothing that was measured may be lost for it
        return PixelSize(verdict="blank", reason=str(error))


def answer_by_size(
    run: Run, own: Estimate, size: PixelSize | None, responses: Responses | None = None
) -> Estimate:
    """The network's own answer, or the one that follows from its µm/px and the slide's.

    size: what the ruler read; None if it was not asked. responses: what the network answered; they
    give the tolerance band, if they reach to the scale. An estimator that was named is followed;
    the ruler then only stands beside it.

    Raises SettingsError when the ruler was named and a size is missing.
    """
    return of_square_pixels(run, _answer_by_size(run, own, size, responses))


def _answer_by_size(
    run: Run, own: Estimate, size: PixelSize | None, responses: Responses | None
) -> Estimate:
    """The same, whatever the shape of the pixels."""
    settings = run.settings
    trained = run.network.card.training_mpp
    route = scale_by_size(trained, stated_mpp(run.slide), size, trust=settings.trust_metadata)
    named = settings.estimator == RULER
    if named and trained is None:
        raise SettingsError(
            f"estimator {RULER} cannot be used: {run.network.name} does not say at which µm/px it "
            "was trained; say so with --network-mpp"
        )
    if settings.estimator not in ("auto", RULER):
        return beside_size(own, route)
    if route is None and (named or run.network.absent):
        return _nothing(run, size)
    answer = _in_reach(run, follow_size(own, route, named=named))
    if answer.estimator != RULER or responses is None or answer.scale is None:
        return answer
    measured = responses.grid.scales
    if not run.network.predicts or not measured[0] <= answer.scale <= measured[-1]:
        return answer
    return replace(answer, tolerance=steady_band(responses, answer.scale, TOLERANCE))


def of_square_pixels(run: Run, answer: Estimate) -> Estimate:
    """The answer, not ``ok`` if the slide's pixels are so oblong that it is wrong along a side."""
    if answer.verdict != "ok" or run.slide.mpp is None:
        return answer
    x, y = run.slide.mpp
    middle = (x + y) / 2
    if is_near(x, middle) and is_near(y, middle):
        return answer
    why = f"{NOT_SQUARE} ({x:.3g} × {y:.3g} µm), so no one scale is right along both sides"
    return replace(answer, verdict="ambiguous", reason=f"{why}; otherwise: {answer.reason}")


def confirmed(run: Run, own: Estimate, size: PixelSize | None) -> bool:
    """Whether the scale follows from µm/px that the tissue confirms, and the network's own answer,
    which is in doubt, says the same."""
    answer = _answer_by_size(run, own, size, None)
    agree = set(answer.warnings) <= set(own.warnings)  # else what differs would be told
    return own.verdict == "ambiguous" and answer.verdict == "ok" and agree


def _in_reach(run: Run, answer: Estimate) -> Estimate:
    """The answer; ``edge`` if no patch can be read at its scale, or the scale was not asked for.

    A division gives any scale, also one at which there is nothing to see.
    """
    if answer.estimator != RULER or answer.scale is None:
        return answer
    doubts = [*_unreadable(run, answer.scale), *_not_asked(run.settings.scales, answer.scale)]
    if not doubts:
        return answer
    reason = "; also, ".join([*doubts, answer.reason])
    return replace(answer, verdict="edge", reason=reason, candidates=())


def _unreadable(run: Run, scale: float) -> Iterator[str]:
    """Why a patch at this scale shows nothing, if so."""
    side = min(run.slide.bounds.width, run.slide.bounds.height)
    size = run.input_size or USUAL_PX
    if size * scale > side:
        yield (
            f"at scale {scale:.3g} a patch of {size} px is {size * scale:.0f} px wide, but the "
            f"slide's shorter side has {side:g}"
        )
    if scale < FINEST:
        yield f"scale {scale:.3g} enlarges the slide {1 / scale:.3g} times, which adds no detail"


def _not_asked(window: tuple[float, float], scale: float) -> Iterator[str]:
    """That the scale lies outside the range that the user gave, if so."""
    lo, hi = window
    if window != Settings().scales and not lo <= scale <= hi:
        yield f"scale {scale:.3g} lies outside the range that was asked for, {lo:g} to {hi:g}"


def ask_only_the_ruler(run: Run, started: float) -> Progress:
    """The whole run for a network that is not here. started: when, by ``time.monotonic``."""
    size = ask_ruler(run)
    answer = answer_by_size(run, _nothing(run, size), size)
    seconds = time.monotonic() - started
    return Progress(run, 0, 0, answer, (), seconds, 0.0, finished=True, pixel_size=size)


def _nothing(run: Run, size: PixelSize | None) -> Estimate:
    """No answer, and why."""
    missing = "the slide states no µm/px"
    why = "the ruler was not asked" if size is None else f"the tissue tells none: {size.reason}"
    empty = blank_estimate(run.grid, run.settings.interval_level, f"{missing}, and {why}")
    return replace(empty, verdict="no_evidence")
