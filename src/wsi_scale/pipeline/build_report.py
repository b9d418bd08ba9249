"""Builds the report of a run."""

from __future__ import annotations

import math
from importlib.metadata import version

from wsi_scale.estimators import fingerprint
from wsi_scale.geometry import pick_level
from wsi_scale.judgement.by_size import RULER
from wsi_scale.judgement.estimate import Estimate
from wsi_scale.judgement.evidence import same_scale
from wsi_scale.judgement.verdicts import Interval
from wsi_scale.pipeline.planning import NO_ROOM
from wsi_scale.pipeline.run import Run
from wsi_scale.pixel_size.audit import audit_slide, conflict_words
from wsi_scale.plumbing.version import __version__
from wsi_scale.report import (
    AuditEntry,
    Candidate,
    ClassPart,
    CurvePart,
    LevelPart,
    NearestLevel,
    NetworkPart,
    PixelAudit,
    PixelSize,
    Provenance,
    Report,
    Ruler,
    SitePart,
    SlidePart,
)
from wsi_scale.slide.base import Slide
from wsi_scale.slide.pyramid import RESAMPLING
from wsi_scale.slide.resolution import METADATA, expected_scale, like_power, mean_mpp


def build_report(
    run: Run,
    answer: Estimate,
    seconds: float,
    patches: int,
    *,
    partial: bool,
    size: PixelSize | None = None,
) -> Report:
    """The report of one run. The same run gives the same report, except for the provenance.

    size: what the ruler read; None if it was not asked, or not yet.
    """
    mpp = mean_mpp(run.slide.mpp)
    expected = expected_scale(run.network.card.training_mpp, run.slide.mpp)
    waits = partial and run.settings.ruler and size is None
    told = size if size is not None and size.verdict != "blank" else None
    told = told or (None if waits else _by_network(run, answer)) or size
    ruler = _ruler(answer, mpp, told, size)
    pixels = None if told is None else audit_slide(run.slide, told)
    used = None if _overruled(answer, expected) else mpp
    score, low, high = ([_number(v) for v in x] for x in (answer.score, answer.low, answer.high))
    return Report(
        slide=slide_part(run.slide),
        network=_network_part(run),
        estimator=answer.estimator,
        scale=answer.scale,
        interval_level=answer.interval_level,
        scale_interval=answer.interval,
        tolerance=answer.tolerance,
        mpp=_times(answer.scale, used),
        mpp_interval=_times_pair(answer.interval, used),
        like_power=None
        if answer.scale is None or used is None
        else like_power(answer.scale * used),
        verdict=answer.verdict,
        reason=answer.reason,
        warnings=[
            *_of_network(run, answer),
            *_about(run, answer),
            *answer.warnings,
            *_at_switch(run.slide, answer),
            *_conflict(pixels, answer.reason),
        ],
        candidates=[Candidate(scale=s, score=v) for s, v in answer.candidates],
        voices=answer.voices | ({} if expected is None else {METADATA: expected}),
        nearest_level=_nearest_level(run.slide, answer.scale),
        ruler=ruler,
        pixels=pixels,
        classes=[ClassPart(name=n, scale=s, scale_interval=i) for n, s, i in answer.classes],
        sites=[
            SitePart(x=site.x, y=site.y, scale=scale)
            for site, scale in zip(answer.sites, answer.site_scales, strict=True)
        ],
        curve=CurvePart(scales=list(answer.scales), score=score, low=low, high=high),
        partial=partial,
        provenance=_provenance(run, seconds, patches),
    )


def _about(run: Run, answer: Estimate) -> tuple[str, ...]:
    """The run's warnings. How far a search could reach matters only where one decided."""
    if answer.estimator != RULER:
        return run.warnings
    return tuple(warning for warning in run.warnings if not warning.startswith(NO_ROOM))


def _conflict(pixels: PixelAudit | None, reason: str) -> tuple[str, ...]:
    """A warning if the tissue contradicts the stated µm/px, unless the reason already says so."""
    if pixels is None or pixels.status != "conflict" or conflict_words(pixels) in reason:
        return ()
    return (pixels.reason,)


def _overruled(answer: Estimate, expected: float | None) -> bool:
    """Whether the scale comes from the tissue, although the slide states another µm/px."""
    if answer.estimator != RULER or answer.scale is None or expected is None:
        return False
    return not same_scale(answer.scale, expected)


def _of_network(run: Run, answer: Estimate) -> tuple[str, ...]:
    """Doubts about the stored statistics, if the fingerprint used them."""
    return run.network.warnings if fingerprint.NAME in answer.voices else ()


def _by_network(run: Run, answer: Estimate) -> PixelSize | None:
    """The size of the slide's pixels as the network's training µm/px over the scale, if known."""
    trained = run.network.card.training_mpp
    if trained is None or answer.estimator == RULER:  # it would be told what it said itself
        return None
    return PixelSize(
        mpp=None if answer.scale is None else trained / answer.scale,
        interval=None
        if answer.interval is None
        else (trained / answer.interval[1], trained / answer.interval[0]),
        interval_level=answer.interval_level,
        verdict=answer.verdict,
        reason=answer.reason,
    )


def _at_switch(slide: Slide, answer: Estimate) -> tuple[str, ...]:
    """A warning if the ends of the interval were cut from different native levels."""
    if answer.verdict != "ok" or answer.interval is None:
        return ()
    finer, coarser = (pick_level(slide.levels, scale) for scale in answer.interval)
    if finer == coarser:
        return ()
    return (
        f"the patches at the finer end of the interval come from native level {finer}, those at "
        f"the coarser end from level {coarser} (×{slide.levels[coarser].downsample:.4g}): if the "
        "two differ in sharpness or compression, this may affect the answer",
    )


def slide_part(slide: Slide) -> SlidePart:
    """The slide's part of a report, which `info` shows too."""
    return SlidePart(
        path=slide.path,
        reader=slide.reader,
        mpp=slide.mpp,
        mpp_source=slide.mpp_source,
        objective_power=slide.objective_power,
        levels=[
            LevelPart(width=x.width, height=x.height, downsample=x.downsample) for x in slide.levels
        ],
        bounds=tuple(slide.bounds),
        audit=[
            AuditEntry(source=x.source, says=x.says, mpp=x.mpp, status=x.status, note=x.note)
            for x in slide.audit
        ],
    )


def _network_part(run: Run) -> NetworkPart:
    network = run.network
    return NetworkPart(
        spec=network.spec,
        name=network.name,
        training_mpp=network.card.training_mpp,
        training_scale=network.card.training_scale,
        input_size=run.input_size,
        sha256=network.sha256,
    )


def _nearest_level(slide: Slide, scale: float | None) -> NearestLevel | None:
    """The level to read for that scale: the coarsest that is not too coarse."""
    if scale is None:
        return None
    level = pick_level(slide.levels, scale)
    downsample = slide.levels[level].downsample
    return NearestLevel(level=level, downsample=downsample, residual=scale / downsample)


def _ruler(
    answer: Estimate, mpp: float | None, told: PixelSize | None, size: PixelSize | None
) -> Ruler:
    """The size of the slide's pixels, and the network's µm/px = scale × the slide's stated µm/px.

    told: what the size is taken from; size: what the ruler said of it.
    """
    own = answer.estimator != RULER  # else the network's µm/px would be what was put in
    network = {
        "network_mpp": _times(answer.scale, mpp) if own else None,
        "network_mpp_interval": _times_pair(answer.interval, mpp) if own else None,
    }
    if told is None:
        return Ruler(**network)
    return Ruler(
        slide_mpp=told.mpp,
        slide_mpp_interval=told.interval,
        slide_mpp_from=None if told.mpp is None else "ruler" if told is size else "network",
        verdict=told.verdict,
        reason=told.reason,
        **network,
    )


def _provenance(run: Run, seconds: float, patches: int) -> Provenance:
    return Provenance(
        version=__version__,
        seed=run.settings.seed,
        resampling=RESAMPLING,
        torch=version("torch"),
        seconds=round(seconds, 3),
        patches=patches,
        settings=run.settings.model_dump(mode="json"),
    )


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _times(value: float | None, factor: float | None) -> float | None:
    return None if value is None or factor is None else value * factor


def _times_pair(pair: Interval | None, factor: float | None) -> Interval | None:
    return None if pair is None or factor is None else (pair[0] * factor, pair[1] * factor)
