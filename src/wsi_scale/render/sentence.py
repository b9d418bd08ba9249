"""The answer in words: the same on the terminal, in the figure, on the page and in the dock."""

from __future__ import annotations

from wsi_scale.estimators import all_estimators, fingerprint, profile
from wsi_scale.judgement.by_size import NOT_SQUARE, RULER
from wsi_scale.judgement.evidence import same_scale
from wsi_scale.judgement.verdicts import NUMBERED, Interval
from wsi_scale.render.by_ruler import (
    OBLONG,
    doubt_of_size,
    own_agrees,
    same_size,
    what_would_help,
    why_early,
)
from wsi_scale.render.disputed import whose
from wsi_scale.render.meanings import LARGER, MEANING, SCALE_IS, START, TOO_FAR, TOO_LITTLE
from wsi_scale.report import AsIs, Report

AS_IT_IS = 0.02
"""A level this close to the scale is read without resizing."""


def number(value: float) -> str:
    """A number with three significant digits and no exponent.

    >>> number(0.0456), number(0.98), number(16), number(352.8)
    ('0.0456', '0.980', '16.0', '353')
    """
    digits = f"{value:#.3g}"
    return f"{value:.0f}" if "e" in digits else digits.rstrip(".")


def span(interval: Interval) -> str:
    """An interval in words.

    >>> span((3.9, 4.1))
    '3.90–4.10'
    """
    return f"{number(interval[0])}–{number(interval[1])}"


def powers(like: tuple[float, float]) -> str:
    """A range of magnifications in words.

    >>> powers((10, 20)), powers((20, 20))
    ('like 10–20×', 'like 20×')
    """
    return f"like {'–'.join(f'{one:g}' for one in sorted(set(like)))}×"


def headline(report: Report) -> str:
    """The answer in one line, for example ``scale 4.02 [3.90–4.10] · 0.980 µm/px, like 5–10× ·
    ok``.

    Parameters
    ----------
    report : Report
        The report of one run.

    Returns
    -------
    str
        Scale, interval, µm/px if the slide's pixel size is known, and verdict. Without a scale:
        ``no answer`` and the verdict.

    Examples
    --------
    >>> import numpy as np
    >>> from wsi_scale import estimate_slide
    >>> headline(estimate_slide(np.full((300, 400, 3), 255, np.uint8), "figures"))
    'no answer: blank'
    """
    ending = " (partial)" if report.partial else ""
    if report.scale is None:
        return f"no answer: {words(report.verdict)}{ending}"
    return f"{numbers_of(report)} · {words(report.verdict)}{ending}"


def numbers_of(report: Report) -> str:
    """The scale, its interval and its µm/px, as far as known; empty without a scale."""
    if report.scale is None:
        return ""
    parts = [f"scale {number(report.scale)}"]
    if report.scale_interval:
        parts[0] += f" [{span(report.scale_interval)}]"
    if report.mpp is not None:
        like = f", {powers(report.like_power)}" if report.like_power else ""
        parts.append(f"{number(report.mpp)} µm/px{like}{whose(report)}")
    return " · ".join(parts)


def words(verdict: str) -> str:
    """A verdict in words.

    >>> words("no_evidence")
    'no evidence'
    """
    return verdict.replace("_", " ")


def explain(report: Report, *, between: str = " ") -> str:
    """What the answer means and what to do next, in a few plain sentences.

    Parameters
    ----------
    report : Report
        The report of one run.
    between : str
        Put between one subject and the next.

    Returns
    -------
    str
        Sentences, by default on one line. They say what scale is and in which direction it goes.

    Examples
    --------
    >>> import numpy as np
    >>> from wsi_scale import estimate_slide
    >>> explain(estimate_slide(np.full((300, 400, 3), 255, np.uint8), "figures"))
    'Nothing on the slide could be shown to the network, so it was not run.'
    """
    sentences = [] if report.scale is None else [_best(report), _how_to_use(report)]
    by_ruler = report.estimator == RULER and report.scale is not None
    if by_ruler:
        sentences.append(doubt_of_size(report) or own_agrees(report, _evidence(report)))
    elif report.verdict in NUMBERED and report.verdict != "ok":
        sentences = sentences[:1]
    if report.verdict != "ok" and not by_ruler:
        meaning = MEANING[report.verdict].format(
            candidates=_candidates(report),
            known=_known(report),
            remedy=_remedy(report),
            wider=_wider(report),
            help=what_would_help(report),
        )
        if report.verdict == "no_evidence":
            meaning = _ask_others(report) or meaning
        if report.verdict == "ambiguous" and len(report.candidates) < 2:
            meaning = TOO_LITTLE if report.candidates else TOO_FAR
            meaning = OBLONG if report.reason.startswith(NOT_SQUARE) else meaning
        sentences.insert(0 if report.verdict == "outside" else len(sentences), meaning)
        sentences.append(SCALE_IS if report.verdict in ("flat", "no_evidence") else "")
    sentences += [_as_it_is(report, one) for one in report.as_is]
    sentences.append(_pixels(report))
    if report.stopped_early:
        count = len(report.sites)
        sentences.append(f"The run stopped after {count} sites, because {why_early(report)}.")
    if report.partial:
        change = "what the network itself says" if by_ruler else "the answer"
        sentences.append(f"The run was cancelled before its end; more sites may change {change}.")
    return between.join(sentence for sentence in sentences if sentence)


def _known(report: Report) -> str:
    """What an ``outside`` slide was compared with."""
    if report.estimator == profile.NAME:
        return "the images that the profile was calibrated on"
    return "anything the network was trained on"


def _wider(report: Report) -> str:
    """What may help if the answer lies at an end of the window."""
    ends = report.curve.scales
    coarsest = report.scale is not None and same_scale(report.scale, ends[-1])
    if coarsest and any("has room for scales" in x for x in report.warnings):
        return "the slide is too small for a wider range, so use a larger image"
    return "try a wider range with --scales"


def _remedy(report: Report) -> str:
    """What may help if colours were not fitted yet."""
    freed = report.provenance.settings.get("colour_fit")
    if report.estimator != fingerprint.NAME or freed:
        return ""
    return "; if the stain may be the cause, run again with --free-colour"


def _ask_others(report: Report) -> str:
    """What to use instead of a baseline; empty if this network allows nothing better."""
    able = _evidence(report)
    if not able:
        return ""
    return (
        f"The chosen estimator, {report.estimator}, is a baseline and not evidence of scale. This "
        f"network allows {' and '.join(able)}; leave out --estimator to use that."
    )


def _evidence(report: Report) -> list[str]:
    """The estimators that are evidence of scale and have a number, the most trusted first."""
    return [
        name
        for name, estimator in all_estimators().items()
        if estimator.EVIDENCE and report.voices.get(name) is not None
    ]


def _best(report: Report) -> str:
    assert report.scale is not None
    scale = number(report.scale)
    level = f"{report.interval_level * 100:.0f} %"
    within = report.scale_interval
    interval = f" ({level} interval {span(within)})" if within else ""
    if report.estimator == RULER:
        return same_size(report, scale, interval)
    text = f"{START.get(report.verdict, 'The')} network sees this slide best at scale {scale}"
    text += interval
    become = (
        "pixel, along one side, becomes" if scale == "1.00" else "pixels, along one side, become"
    )
    text += f": {scale} slide {become} one pixel of its input."
    if report.mpp is not None:
        text += f" That pixel is {number(report.mpp)} µm wide"
        text += f" ({span(report.mpp_interval)} µm)" if report.mpp_interval else ""
        text += whose(report)
        return f"{text}. {LARGER}"
    unknown = "The slide does not state its pixel size, so the answer cannot be given in µm."
    return f"{text} {LARGER} {unknown}"


def _how_to_use(report: Report) -> str:
    """Which native level to read and how to resize it; a warning below scale 1."""
    assert report.scale is not None
    within = report.scale_interval
    if within and report.scale < 1 - 1e-9 and within[1] >= 1:
        return "Scale 1, level 0 of the slide as it is, lies within the interval."
    if report.scale < 1 - 1e-9:
        return (
            "A scale below 1 enlarges the slide, which adds no detail; a scan at higher resolution "
            "would serve better."
        )
    if report.nearest_level is None:
        return ""
    level, residual = report.nearest_level.level, report.nearest_level.residual
    if abs(residual - 1) <= AS_IT_IS:
        return f"Read level {level} of the slide as it is."
    change = (
        f"shrink it by a factor of {number(residual)}"
        if residual > 1
        else f"enlarge it by a factor of {number(1 / residual)}"
    )
    return f"Read level {level} of the slide and {change}."


def _as_it_is(report: Report, one: AsIs) -> str:
    """What reading a level without resizing would change; empty if that is the answer itself."""
    assert report.scale is not None
    if one.agreement is None or abs(one.downsample / report.scale - 1) <= AS_IT_IS:
        return ""
    return (
        f"Using level {one.level} without resizing (scale {number(one.downsample)} instead of "
        f"{number(report.scale)}) {kept(one)}."
    )


def kept(one: AsIs) -> str:
    """How many predictions survive reading a level as it is, and what that costs."""
    cost = f"cost {one.work:.2g} times as much"
    share = one.agreement or 0.0
    if one.kind == "dice":
        kept_share, left = f"a Dice of {share:.2f}", f"Dice {share:.2f}"
    else:
        kept_share = f"the class of {share:.0%} of the patches"
        left = f"{share:.0%} of the patches keep their class"
    if share < 0.5:
        return f"would change most predictions ({left}) and {cost}"
    return f"would keep {kept_share} and {cost}"


def _pixels(report: Report) -> str:
    """The stated µm/px compared with the pixels; empty for a conflict, which is told already."""
    if report.pixels is None or report.pixels.status == "conflict":
        return ""
    if report.scale is None and report.reason and report.reason in report.pixels.reason:
        return ""  # the slide shows nothing to either, and the reason stands already
    if report.pixels.slide_mpp is None and report.pixels.claimed_mpp is None:
        return ""
    return f"Check of the file's pixel size: {report.pixels.reason}."


def sentence(clause: str) -> str:
    """A clause with a capital letter and a full stop.

    >>> sentence("the file states no µm/px")
    'The file states no µm/px.'
    """
    return f"{clause[:1].upper()}{clause[1:]}."


def _candidates(report: Report) -> str:
    if not report.candidates:
        return ""
    scales = [number(one.scale) for one in sorted(report.candidates, key=lambda c: -c.score)]
    listed = scales[0] if len(scales) == 1 else f"{', '.join(scales[:-1])} and {scales[-1]}"
    return f" ({listed})"
