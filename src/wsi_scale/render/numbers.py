"""Every number of an answer with its name, as rows for the page and the dock."""

from __future__ import annotations

from wsi_scale.judgement.verdicts import Interval
from wsi_scale.render.sentence import kept, number, powers, span
from wsi_scale.report import Report
from wsi_scale.slide.resolution import METADATA


def value(found: float | None, unit: str = "") -> str:
    """A number and its unit; a dash for None."""
    return "–" if found is None else f"{number(found)}{unit}"


def range_words(interval: Interval | None, unit: str = "") -> str:
    """An interval and its unit; a dash for None."""
    return "–" if interval is None else f"{span(interval)}{unit}"


def key_numbers(report: Report) -> list[tuple[str, str]]:
    """(name, value) of the answer, its intervals, and the answer of every other estimator."""
    share = f"{report.interval_level * 100:.0f} %"
    nearest = report.nearest_level
    rows = [
        ("Scale (slide pixels per network pixel, along one side)", value(report.scale)),
        (f"Scale, {share} interval", range_words(report.scale_interval)),
        ("Scales with nearly the same predictions", range_words(report.tolerance)),
        ("Pixel size the network sees", value(report.mpp, " µm per pixel")),
        (f"Pixel size, {share} interval", range_words(report.mpp_interval, " µm per pixel")),
    ]
    if report.like_power:
        rows.append(("Magnification (a rough range)", powers(report.like_power)))
    if nearest:
        level = f"level {nearest.level} (×{nearest.downsample:.4g}), remaining resize factor "
        rows.append(("Nearest stored level", level + number(nearest.residual)))
    rows += [
        (
            f"Level {one.level} as it is (×{one.downsample:.4g})",
            f"{kept(one)} ({one.sites} sites)",
        )
        for one in report.as_is
        if one.agreement is not None
    ]
    rows += _pixel_sizes(report)
    rows += [
        (f"Candidate with score {one.score:.3g}", number(one.scale)) for one in report.candidates
    ]
    return [*rows, ("Estimator", report.estimator), *_other_answers(report)]


def _pixel_sizes(report: Report) -> list[tuple[str, str]]:
    """The slide's and the network's, those that are known; the doubt, unless what the slide states
    confirms the tissue."""
    ruler = report.ruler
    sure = ruler.verdict in (None, "ok") or (report.pixels and report.pixels.status == "agree")
    doubt = "" if sure else f", {ruler.verdict}"
    of_slide = (ruler.slide_mpp, ruler.slide_mpp_interval, doubt)
    of_network = (ruler.network_mpp, ruler.network_mpp_interval, "")
    rows = [
        (label, value(found, " µm per pixel") + (f" ({span(interval)})" if interval else "") + more)
        for label, (found, interval, more) in (
            ("Slide pixel size that the tissue suggests", of_slide),
            ("Network pixel size that the slide's implies", of_network),
        )
        if found is not None
    ]
    if doubt and ruler.reason:
        rows.append(("Why the slide's pixel size is in doubt", ruler.reason))
    return rows


def _other_answers(report: Report) -> list[tuple[str, str]]:
    """The scale of every estimator but the one that was followed, and that of the metadata."""
    return [
        (
            "Scale expected from the metadata" if name == METADATA else f"Answer of {name} alone",
            value(scale),
        )
        for name, scale in report.voices.items()
        if name != report.estimator
    ]


def stated_rows(report: Report) -> list[tuple[str, str, str, str]]:
    """Every stated µm/px compared with the pixels: (field, µm/px, octaves, status)."""
    fields = report.pixels.fields if report.pixels else []
    return [(x.source, value(x.mpp), f"{x.octaves:+.2f}", x.status) for x in fields]
