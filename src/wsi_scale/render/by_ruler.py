"""The answer in words where it follows from the µm/px of network and slide."""

from __future__ import annotations

from collections.abc import Sequence

from wsi_scale.judgement.by_size import NOT_SQUARE, OWN_ANSWER, RULER
from wsi_scale.judgement.evidence import same_scale
from wsi_scale.judgement.wide_interval import is_near
from wsi_scale.networks.absent import is_absent
from wsi_scale.report import Report
from wsi_scale.slide.metadata import GIVEN
from wsi_scale.slide.resolution import METADATA

_DOUBT = {
    "ambiguous": "It rests on the size of the tissue alone, which differs from slide to slide: "
    "trust the interval more than the number, and if you know the slide's µm/px, give it with "
    "--mpp.",
    "outside": "The tissue is unlike what the ruler can read, so do not rely on the number; if you "
    "know the slide's µm/px, give it with --mpp.",
    "edge": "The pixels are finer or coarser than the ruler can read, so this number is only a "
    "bound; if you know the slide's µm/px, give it with --mpp.",
}

_OVERRULED = (
    "The µm/px given for the slide was not used, because its tissue contradicts it; "
    "--trust-metadata uses it all the same."
)

_OUT_OF_REACH = (
    "Do not use that scale as it is; the reason says why. Check the µm/px of network and slide."
)

_UNCONFIRMED = (
    "It rests on the pixel size that was stated for the slide, and its tissue does not confirm it."
)


def subject(report: Report) -> str:
    """Which slide, and which network saw it or is meant to."""
    verb = "for" if is_absent(report.network.spec) else "seen by"
    return f"{report.slide.path}, {verb} the network {report.network.name}"


OBLONG = (
    "The slide's pixels are not square, so no one scale is right along both sides: resize each "
    "side by its own µm/px."
)

_NETWORK_DIFFERS = (
    "The tissue confirms the slide's µm/px, but the network itself answers quite another scale: "
    "either the µm/px told for the network is wrong, or this tissue misleads it. Compare the "
    "patches at both scales."
)


def same_size(report: Report, scale: str, interval: str) -> str:
    """At which scale slide and network agree in µm/px. interval: in words, with brackets."""
    wanted = report.network.training_mpp
    become = (
        "pixel, along one side, becomes" if scale == "1.00" else "pixels, along one side, become"
    )
    return (
        f"At scale {scale}{interval} the slide has the {wanted:.3g} µm/px that the network wants: "
        f"{scale} slide {become} one pixel of its input. A larger scale is a coarser view of more "
        "tissue."
    )


def doubt_of_size(report: Report) -> str:
    """What the verdict means; empty under ``ok``."""
    if report.verdict == "ok":
        return ""
    if report.verdict == "edge" and report.ruler.verdict != "edge":
        return _OUT_OF_REACH
    if report.verdict == "ambiguous" and report.pixels and report.pixels.status == "agree":
        return OBLONG if report.reason.startswith(NOT_SQUARE) else _NETWORK_DIFFERS
    stated = report.voices.get(METADATA)
    if report.scale is not None and stated is not None and same_scale(stated, report.scale):
        return _UNCONFIRMED
    if stated is not None:
        return _better_statement(report) or _OVERRULED
    return _DOUBT.get(report.verdict, "")


def _better_statement(report: Report) -> str:
    """What to do if the user's µm/px contradicts the tissue and the file's own agrees with it."""
    fields = report.pixels.fields if report.pixels else []
    agree = [x for x in fields if x.status == "agree"]
    if report.slide.mpp_source != GIVEN or not agree:
        return ""
    return (
        "The µm/px given for the slide was not used, because its tissue contradicts it; what the "
        f"file states agrees with the tissue ({agree[0].source}, {agree[0].mpp:.3g}), so leave out "
        "--mpp."
    )


def own_agrees(report: Report, names: Sequence[str]) -> str:
    """That the network itself says the same, if it does. names: of its own estimators with a
    number, the most trusted first."""
    own = report.voices[names[0]] if names else None
    if own is None or report.scale is None or any(OWN_ANSWER in x for x in report.warnings):
        return ""
    if not is_near(own, report.scale):
        return ""
    return f"The network's own responses say about the same, less surely ({names[0]}: {own:.3g})."


def why_early(report: Report) -> str:
    """Why a run needed no more sites, as a clause."""
    precision = report.provenance.settings.get("precision")
    if precision is not None:
        return f"the interval already lay within {100 * precision:g} % of the answer, as requested"
    if report.estimator != RULER:
        return "more would hardly narrow the interval"
    if report.verdict == "ok":
        return "the scale follows from µm/px that the tissue confirms"
    return "more would hardly change what the network itself says"


def what_would_help(report: Report) -> str:
    """What to do for a network that cannot be asked itself."""
    if report.network.training_mpp is None:
        return (
            "Nothing in this network's responses reveals the best scale. If you know the µm/px "
            "that it wants, say so (--network-mpp 0.5, or --for NAME for a published model): then "
            "the size of the slide's pixels tells the scale. Otherwise calibrate it on images of "
            "known scale (wsi-scale calibrate); a network with trained BatchNorm layers needs "
            "neither."
        )
    if report.slide.mpp is not None:
        return (
            "The run ended before the size of the slide's pixels was compared with the µm/px that "
            "the network wants; let it finish."
        )
    return (
        "The µm/px that the network wants is known, but the slide's is not; if you know it, give "
        "it with --mpp."
    )
