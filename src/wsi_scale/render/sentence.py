"""The answer in words, the same ones on the terminal, in the figure and in the page."""

from __future__ import annotations

from wsi_scale.estimators import all_estimators, fingerprint, profile
from wsi_scale.judgement.verdicts import NUMBERED, Interval
from wsi_scale.report import AsIs, Report

_MEANING = {
    "edge": "The best scale lies at or beyond the end of the range that was tried, so this number "
    "is only a bound; {wider}.",
    "ambiguous": "Several scales suit the network about equally well{candidates}; look at the "
    "patches at those scales to choose between them.",
    "outside": "The slide looks unlike {known}, in more than its scale, so do not rely on the "
    "number{remedy}.",
    "flat": "The network responds alike at every scale that was tried, so no scale can be "
    "preferred; any scale in the range may do, or another layer or network may know better.",
    "blank": "The network was not asked, since nothing was found to show it.",
    "no_evidence": "The network's responses hold no evidence from which a scale could be told; a "
    "network with trained BatchNorm layers would.",
}


_TOO_LITTLE = (
    "Too little was looked at to be sure of it, though no other scale stands out; look at more "
    "sites or scales."
)

_START = {"edge": "Of the scales that were tried, the", "outside": "With that caveat, the"}

AS_IT_IS = 0.02
"""A level this close to the scale is read without resizing."""


def number(value: float) -> str:
    """Three significant digits without an exponent: 0.0456, 0.980, 4.02, 16.0, 353."""
    digits = f"{value:#.3g}"
    return f"{value:.0f}" if "e" in digits else digits.rstrip(".")


def span(interval: Interval) -> str:
    """An interval as one reads it: 3.90–4.10."""
    return f"{number(interval[0])}–{number(interval[1])}"


def powers(like: tuple[float, float]) -> str:
    """A range of magnifications: ``like 10–20×``, ``like 20×``."""
    return f"like {'–'.join(f'{one:g}' for one in sorted(set(like)))}×"


def headline(report: Report) -> str:
    """The answer in one line: ``scale 4.02 [3.90–4.10] · 0.980 µm/px, like 5–10× · ok``.

    Without an answer: ``no answer: flat``. µm/px only where the slide's resolution is known.
    """
    ending = " (partial)" if report.partial else ""
    if report.scale is None:
        return f"no answer: {words(report.verdict)}{ending}"
    parts = [f"scale {number(report.scale)}"]
    if report.scale_interval:
        parts[0] += f" [{span(report.scale_interval)}]"
    if report.mpp is not None:
        like = f", {powers(report.like_power)}" if report.like_power else ""
        parts.append(f"{number(report.mpp)} µm/px{like}")
    return " · ".join([*parts, words(report.verdict)]) + ending


def words(verdict: str) -> str:
    """A verdict as words: ``no_evidence`` -> ``no evidence``."""
    return verdict.replace("_", " ")


def explain(report: Report) -> str:
    """What the answer means and what to do next, in a few plain sentences."""
    sentences = [] if report.scale is None else [_best(report), _how_to_use(report)]
    if report.verdict in NUMBERED and report.verdict != "ok":
        sentences = sentences[:1]
    if report.verdict != "ok":
        meaning = _MEANING[report.verdict].format(
            candidates=_candidates(report),
            known=_known(report),
            remedy=_remedy(report),
            wider=_wider(report),
        )
        if report.verdict == "no_evidence":
            meaning = _ask_others(report) or meaning
        if report.verdict == "ambiguous" and len(report.candidates) == 1:
            meaning = _TOO_LITTLE
        sentences.insert(0 if report.verdict == "outside" else len(sentences), meaning)
    sentences += [_as_it_is(report, one) for one in report.as_is]
    sentences.append(_pixels(report))
    if report.stopped_early:
        asked = report.provenance.settings["precision"]
        sentences.append(
            f"After {len(report.sites)} sites the interval lay within {100 * asked:g} % of the "
            "answer, as asked, so no more were looked at."
        )
    if report.partial:
        sentences.append("The run was cancelled before its end; more sites may change the answer.")
    return " ".join(sentence for sentence in sentences if sentence)


def _known(report: Report) -> str:
    """What a slide that is ``outside`` lies outside of."""
    if report.estimator == profile.NAME:
        return "the images that the profile was calibrated on"
    return "anything the network was trained on"


def _wider(report: Report) -> str:
    """What may help where the answer is an end of the window."""
    ends = report.curve.scales
    if report.scale == ends[-1] and any("has room for scales" in x for x in report.warnings):
        return "the slide has no room for a wider one, so take a larger image"
    return "try a wider range with --scales"


def _remedy(report: Report) -> str:
    """What may help where colour was not yet fitted away."""
    freed = report.provenance.settings.get("colour_fit")
    if report.estimator != fingerprint.NAME or freed:
        return ""
    return "; if the stain may be at fault, --free-colour fits it away"


def _ask_others(report: Report) -> str:
    """What to ask instead of a baseline; empty where this network allows nothing better."""
    able = [
        name
        for name, estimator in all_estimators().items()
        if estimator.EVIDENCE and report.voices.get(name) is not None
    ]
    if not able:
        return ""
    return (
        f"What was asked for, {report.estimator}, is a baseline and no evidence of scale, but this "
        f"network allows {' and '.join(able)}: leave --estimator out, and that is asked."
    )


def _best(report: Report) -> str:
    assert report.scale is not None
    pixels = "pixel" if number(report.scale) == "1.00" else "pixels"
    start = _START.get(report.verdict, "The")
    text = (
        f"{start} network sees this slide best when {number(report.scale)} {pixels} of the slide "
        f"become one pixel of its input"
    )
    share = f"{report.interval_level * 100:.0f} % interval"
    if report.scale_interval:
        text += f" ({share} {span(report.scale_interval)})"
    if report.mpp is None:
        return f"{text}; the slide does not say how large its pixels are, so no µm can be given."
    text += f", that is {number(report.mpp)} µm per pixel"
    return f"{text} ({span(report.mpp_interval)})." if report.mpp_interval else f"{text}."


def _how_to_use(report: Report) -> str:
    """Which native level to read and what is left to resize; a warning below scale 1."""
    assert report.scale is not None
    if report.scale < 1 - 1e-9:
        return (
            "That enlarges the slide, whose pixels hold less detail than the network is used to; "
            "a scan at higher resolution would serve better."
        )
    if report.nearest_level is None:
        return ""
    level, residual = report.nearest_level.level, report.nearest_level.residual
    if abs(residual - 1) <= AS_IT_IS:
        return f"Read level {level} of the slide as it is."
    change = (
        f"shrink it by {number(residual)}"
        if residual > 1
        else (f"enlarge it by {number(1 / residual)}")
    )
    return f"Read level {level} of the slide and {change}."


def _as_it_is(report: Report, one: AsIs) -> str:
    """What reading a level without resizing would change; empty where it is the answer itself."""
    assert report.scale is not None
    if one.agreement is None or abs(one.downsample / report.scale - 1) <= AS_IT_IS:
        return ""
    return (
        f"Reading level {one.level} as it is (×{number(one.downsample)} instead of "
        f"×{number(report.scale)}) {kept(one)}."
    )


def kept(one: AsIs) -> str:
    """What reading a level as it is leaves of the predictions, and at what work."""
    times = f"{number(one.work)} times" if one.work > 1 else f"{number(one.work)} of"
    if one.agreement is not None and one.agreement < 0.5:
        return f"would change most predictions ({agreement(one)} is left), at {times} the work"
    return f"keeps {agreement(one)} at {times} the work"


def agreement(one: AsIs) -> str:
    """How far predictions on a level as it is agree with those at the answer's scale."""
    what = {"dice": "a Dice agreement of {}", "same class": "the class of {} of the patches"}
    return what[one.kind].format(f"{one.agreement:.2f}")


def _pixels(report: Report) -> str:
    """What the pixels say of the stated µm/px; a conflict is among the warnings already."""
    if report.pixels is None or report.pixels.status == "conflict":
        return ""
    return sentence(report.pixels.reason)


def sentence(clause: str) -> str:
    """A clause with a capital letter and an end."""
    return f"{clause[:1].upper()}{clause[1:]}."


def _candidates(report: Report) -> str:
    if not report.candidates:
        return ""
    scales = [number(one.scale) for one in sorted(report.candidates, key=lambda c: -c.score)]
    listed = scales[0] if len(scales) == 1 else f"{', '.join(scales[:-1])} and {scales[-1]}"
    return f" ({listed})"
