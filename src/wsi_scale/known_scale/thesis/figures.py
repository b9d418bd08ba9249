"""The thesis's figures redrawn from our own responses, and two pictures of the test it did not
make."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib import colormaps, rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from wsi_scale.estimators.contract import Options
from wsi_scale.estimators.extrema import (
    channel_extrema,
    derivative,
    extrema,
    gradient_layer,
    kept,
    of_kept,
    pool,
    smooth,
)
from wsi_scale.geometry import ScaleGrid, Site
from wsi_scale.known_scale.evaluate.chance import CENTRE
from wsi_scale.known_scale.thesis.answers import EVERY_CLASS, Findings
from wsi_scale.known_scale.thesis.images import SIZE, Image, list_images
from wsi_scale.known_scale.thesis.names import FAMILY, SCALES
from wsi_scale.known_scale.thesis.panes import ACCENT, GREY, INK, as_png, mark_right, one_pane
from wsi_scale.known_scale.thesis.plan import Plan, load_class
from wsi_scale.known_scale.thesis.sweep_knobs import PERCENT, SIGMA
from wsi_scale.known_scale.thesis.thesis_windows import WHOLE
from wsi_scale.plumbing.arrays import Array
from wsi_scale.responses.record import Responses
from wsi_scale.slide.pyramid import sample_pyramid
from wsi_scale.slide.readers.synthetic import FIGURE_CLASSES

SHOWN = FIGURE_CLASSES.index("red cross")
SHOWN_NETWORK = "figures-5-constant"

_STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "image.cmap": "viridis",
}


@dataclass(frozen=True)
class Shown:
    """One class of one network, and the steps of the thesis's method applied to it."""

    network: str
    kind: int
    scales: Array
    values: Array
    """(N, S, C) responses of all pyramids of the class."""
    keep: NDArray[np.bool_]
    """(N, C) True for the channels that each pyramid keeps."""

    @property
    def right(self) -> float:
        """The scale that the network was trained at."""
        return FAMILY[self.network].scale

    @property
    def first(self) -> Array:
        """(S, C) responses of the first pyramid."""
        return np.asarray(self.values[0])

    @property
    def smoothed(self) -> Array:
        """(S, C) smoothed responses of the first pyramid."""
        return smooth(self.first, SIGMA)

    @property
    def channels(self) -> NDArray[np.int64]:
        """(K,) channels that the first pyramid keeps."""
        return np.flatnonzero(self.keep[0])

    def answers(self) -> Array:
        """(N,) each pyramid's own answer."""
        return pool(of_kept(channel_extrema(self.scales, self.values, SIGMA), self.keep), "median")


def show(responses: Responses, network: str, kind: int) -> Shown:
    """What the figures show of one class."""
    options = Options(keep_percent=PERCENT)
    layer = gradient_layer(responses, options)
    scales = np.array(responses.grid.scales)
    values = responses.on_grid(layer.mean)
    return Shown(network, kind, scales, values, kept(responses, layer, options))


def all_figures(plan: Plan, findings: Sequence[Findings]) -> dict[str, bytes]:
    """PNGs by name."""
    network = next((x.network for x in findings if x.network == SHOWN_NETWORK), findings[0].network)
    responses = load_class(plan, network, "test", SHOWN)
    shown, site = show(responses, network, SHOWN), responses.sites[0]
    image = next(x for x in list_images("test", plan.seed) if x.kind == SHOWN)
    with rc_context(_STYLE):
        return {
            "figure02_pyramid": _pyramid(image, site, plan),
            "figure04_responses": _curves(shown, shown.first, "response", "all channels"),
            "figure05_smoothed": _curves(
                shown, shown.smoothed, "response", f"smoothed, σ = {SIGMA} steps"
            ),
            "figure06_kept": _curves(
                shown, shown.smoothed, "response", f"smoothed, {PERCENT} % kept", kept_only=True
            ),
            "figure07_derivatives": _curves(
                shown,
                derivative(shown.scales, shown.smoothed),
                "derivative",
                f"derivatives, {PERCENT} % kept",
                kept_only=True,
            ),
            "figure08_extrema": _extrema(shown),
            "figure09_several_pyramids": _several(shown),
            "figure10_patches": _patches(image, site, plan, shown),
            "accuracy_by_scale": _accuracy(findings),
            "answers_by_right_scale": _answers(findings),
        }


def _curves(
    shown: Shown, curves: Array, what: str, title: str, *, kept_only: bool = False
) -> bytes:
    """Curves (S, C) over the scales; a channel has the same colour in all figures."""

    def draw(axes: Axes) -> None:
        for channel in shown.channels if kept_only else range(curves.shape[1]):
            axes.plot(shown.scales, curves[:, channel], lw=1.2, color=_colour(channel))
        mark_right(axes, shown.right)
        name = FIGURE_CLASSES[shown.kind]
        axes.set(xlabel="scale", ylabel=what, title=f"{title}: {name}, {shown.network}")

    return one_pane(7, 3.4, draw)


def _colour(channel: int) -> Any:
    return colormaps["tab20"](channel % 20)


def _extrema(shown: Shown) -> bytes:
    def draw(axes: Axes) -> None:
        y = shown.smoothed[:, shown.channels]
        slopes = derivative(shown.scales, y)
        for curves, marker, words in ((y, "o", "of responses"), (slopes, "x", "of derivatives")):
            places = extrema(shown.scales, curves)
            row, channel = np.nonzero(np.isfinite(places))
            label = f"extrema {words}"
            numbers = shown.channels[channel] + 1
            axes.plot(places[row, channel], numbers, marker, color=INK, ms=5, label=label)
        middle = float(shown.answers()[0])
        axes.axvline(middle, color=ACCENT, label=f"their median: {middle:.2f}")
        mark_right(axes, shown.right)
        axes.set_yticks(shown.channels + 1)
        axes.set(xlabel="scale", ylabel="kept channel", xlim=shown.scales[[0, -1]])
        axes.set_title(f"all extrema of one pyramid of {FIGURE_CLASSES[shown.kind]}")
        axes.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)

    return one_pane(8, 3.4, draw)


def _several(shown: Shown) -> bytes:
    def draw(axes: Axes) -> None:
        found = of_kept(channel_extrema(shown.scales, shown.values, SIGMA), shown.keep)
        for row, places in enumerate(found):
            axes.plot(places, np.full(len(places), row + 1), ".", color=GREY, ms=3)
        answers = shown.answers()
        axes.plot(answers, np.arange(len(answers)) + 1, "|", color=ACCENT, ms=8, mew=2)
        middle = float(np.median(answers))
        axes.axvline(middle, color=ACCENT, lw=1)
        mark_right(axes, shown.right)
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set(xlabel="scale", ylabel="pyramid", xlim=shown.scales[[0, -1]])
        axes.set_title(f"extrema (dots), medians (bars), median of medians {middle:.2f}")

    return one_pane(7, 4, draw)


def _row_of_patches(image: Image, site: Site, plan: Plan, titled: dict[str, float]) -> bytes:
    grid = ScaleGrid(tuple(sorted(set(titled.values()))))
    with image.open(plan.images) as slide:
        pyramid = sample_pyramid(slide, site, grid, size=SIZE)
    figure = Figure(figsize=(1.5 * len(titled), 1.9), layout="constrained")
    for i, (title, scale) in enumerate(titled.items()):
        axes = figure.add_subplot(1, len(titled), i + 1)
        axes.imshow(pyramid.patches[grid.scales.index(scale)])
        axes.set_title(title, loc="center")
        axes.set_axis_off()
    return as_png(figure)


def _pyramid(image: Image, site: Site, plan: Plan) -> bytes:
    last = len(plan.grid) - 1
    scales = [plan.grid.scales[round(i * last / 6)] for i in range(7)]
    return _row_of_patches(image, site, plan, {f"scale {x:.3g}": x for x in scales})


def _patches(image: Image, site: Site, plan: Plan, shown: Shown) -> bytes:
    found = float(np.median(shown.answers()))
    titled = {f"right: {shown.right:g}": shown.right, f"found: {found:.2f}": found}
    return _row_of_patches(image, site, plan, titled)


def _accuracy(findings: Sequence[Findings]) -> bytes:
    def draw(axes: Axes) -> None:
        for each in findings:
            member = FAMILY[each.network]
            if member.random or member.wide:
                continue
            colour = f"C{SCALES.index(member.scale)}"
            style = "-" if member.schedule == "constant" else ":"
            curve = each.accuracy.mean(axis=0)
            axes.plot(each.scales, curve, style, color=colour, lw=1.4)
            if member.schedule == "constant":
                axes.axvline(member.scale, color=colour, lw=0.7, alpha=0.6)
                axes.annotate(
                    f"{member.scale:g}", (member.scale, 1.01), ha="center", color=colour,
                    xycoords=("data", "axes fraction"),
                )  # fmt: skip
        axes.axhline(1 / len(FIGURE_CLASSES), color=GREY, lw=0.8, ls="--")
        axes.set(xlabel="scale", ylabel="share named rightly", ylim=(0, 1.02))
        axes.set_title("accuracy by scale; number: training scale; dots: decayed rate", pad=16)

    return one_pane(7.5, 3.8, draw)


_PICTURED = {
    "thesis": ("o", ACCENT),
    "fingerprint": ("D", "#1f6f8b"),
    "confidence": ("^", "#6b8e23"),
    "hrsem": ("s", "#8e6bbf"),
    CENTRE: ("_", GREY),
}


def _answers(findings: Sequence[Findings]) -> bytes:
    """Answer by right scale: all classes together, and the middle half of the single classes."""
    figure = Figure(figsize=(9.5, 4.3), layout="constrained")
    for column, schedule in enumerate(("constant", "decayed")):
        axes = figure.add_subplot(1, 2, column + 1)
        axes.plot([1, 10], [1, 10], color=GREY, lw=0.8)
        for shift, (label, (marker, colour)) in enumerate(_PICTURED.items()):
            for each in findings:
                member = FAMILY[each.network]
                if member.random or member.wide or member.schedule != schedule:
                    continue
                mine = [x for x in each.found if x.label == label and (x.lo, x.hi) == WHOLE]
                x = member.scale * 1.025 ** (shift - 2)
                single = [v.answer for v in mine if v.kind != EVERY_CLASS and v.answer is not None]
                if single and label != CENTRE:
                    axes.plot([x, x], np.quantile(single, [0.25, 0.75]), color=colour, lw=1)
                together = [v.answer for v in mine if v.kind == EVERY_CLASS]
                axes.plot([x] * len(together), together, marker, color=colour, ms=6)  # type: ignore[arg-type]
        axes.set(xscale="log", yscale="log", xlim=(1.2, 10), ylim=(0.45, 10.5))
        ticks = [0.5, 1, 1.5, 2.5, 4, 5, 6.5, 8]
        axes.set_yticks(ticks, [f"{t:g}" for t in ticks])
        axes.set_xticks(SCALES, [f"{t:g}" for t in SCALES])
        axes.minorticks_off()
        axes.set(xlabel="scale the network was trained at", ylabel="answer")
        axes.set_title(f"learning rate {schedule}, window {WHOLE[0]:g}–{WHOLE[1]:g}")
    keys = [
        Line2D([], [], marker=marker, color=colour, ls="", label=label)
        for label, (marker, colour) in _PICTURED.items()
    ]
    figure.legend(handles=keys, loc="outside right upper", frameon=False)
    return as_png(figure)
