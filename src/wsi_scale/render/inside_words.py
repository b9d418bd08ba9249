"""The words of the picture of a network at work: what is seen, and what it does not prove."""

from __future__ import annotations

from wsi_scale.pipeline.explain.explanation import (
    HIDDEN_PARTS,
    Explanation,
    ScaleView,
    TellingChannel,
    Way,
)
from wsi_scale.render.sentence import number
from wsi_scale.report import Report
from wsi_scale.slide.resolution import mean_mpp


def scale_words(view: ScaleView, found: Explanation, report: Report) -> tuple[str, str]:
    """Above a patch: its scale, and what that means."""
    means = []
    if found.answer is not None:
        means.append("" if view.is_answer else f"× {view.scale / found.answer:.3g}")
    if report.slide.mpp is not None:
        means.append(f"{number(view.scale * mean_mpp(report.slide.mpp))} µm/px")
    before = "found: " if view.is_answer else "scale "
    return f"{before}{number(view.scale)}", " · ".join(filter(None, means))


def share_words(view: ScaleView, found: Explanation) -> str:
    """Below a map: how much of the class the network sees at that scale."""
    percent = 100 * view.share
    digits = f"{percent:.0f}" if percent == 0 or percent > 9.5 else f"{percent:#.2g}"
    share = f": {digits} %" + (" of pixels" if found.task == "segment" else "")
    room = 23 - len(share)
    name = found.target if len(found.target) <= room else f"{found.target[: room - 1]}…"
    return name + share


def channel_words(channel: TellingChannel, way: Way) -> tuple[str, str]:
    """Above a channel: its name; what is plotted of it, and what that weighs."""
    room = 38 - len(f", channel {channel.index}")
    layer = channel.layer if len(channel.layer) <= room else f"…{channel.layer[1 - room :]}"
    if way == "score":
        weight = f"{channel.statistic}: {100 * channel.weight:.2g} % of the score"
    else:
        weight = f"{channel.statistic} changes by {number(channel.weight)} s.d."
    return f"{layer}, channel {channel.index}", weight


def caption(found: Explanation) -> list[str]:
    """What the reader sees, and what it does not prove; one line for each part of the figure."""
    return [_of_views(found), _of_maps(found), *_of_channels(found)]


def _of_views(found: Explanation) -> str:
    if found.answer is None:
        start = "There is no answer: the three scales divide the range that was searched."
    else:
        start = "Orange: the scale found; the others are wrong on purpose."
    surest = "it finds most of" if found.task == "segment" else "it is surest of"
    outlined = " (outlined: what it finds)" if found.task == "segment" else ""
    return f"{start} Top left: what the network sees{outlined} where {surest} “{found.target}”."


def _of_maps(found: Explanation) -> str:
    if found.map_from == HIDDEN_PARTS:
        way = f"how much the score of “{found.target}” falls when that part is hidden"
    else:
        way = (
            f"where the score of “{found.target}” comes from (Grad-CAM by pixel, {found.map_from})"
        )
    return (
        f"Below: {way}; bright: most, each on its own range. It shows where the network looks, "
        "not that it is right."
    )


def _of_channels(found: Explanation) -> list[str]:
    if not found.channels:
        return []
    trained = any(channel.trained is not None for channel in found.channels)
    dashed = "; dashed: in training" if trained else ""
    pixels = any(patch.where is not None for one in found.channels for patch in one.patches)
    lines = "; yellow: where it responds most" if pixels else ""
    return [
        f"Right: the heaviest channels of different layers, over all sites{dashed}{lines}. They "
        "were picked because they differ here, so they are no evidence: rely on the verdict."
    ]
