"""The scale map as one picture: the slide, its tiles in the colours of their scales."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

from matplotlib import rc_context
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from wsi_scale.judgement.places import MapTile, ScaleMap
from wsi_scale.plumbing.colour_ramp import colour_of, ends_of, ink_on
from wsi_scale.render.canvas import DPI, STYLE, figure_bytes
from wsi_scale.render.curve import GREY
from wsi_scale.render.figure import plain, shorten
from wsi_scale.render.limits import scale_ticks
from wsi_scale.render.map_words import map_headline
from wsi_scale.render.where import COLOURS
from wsi_scale.sites.overview import Overview

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_WIDTH, _SIDE = 9.0, 7.2
"""Width of the figure and greatest height of the slide, inches."""

_TOP, _BOTTOM = 0.78, 0.42


def map_picture(found: ScaleMap, seen: Overview, kind: str = "png") -> bytes:
    """The picture as the bytes of a file.

    Parameters
    ----------
    found : ScaleMap
        The tiles.
    seen : Overview
        A small picture of the slide, from ``wsi_scale.sites.overview.take_overview``.
    kind : str
        ``png``, ``pdf`` or ``svg``.

    Returns
    -------
    bytes
        Tiles with a verdict other than ``ok`` are striped; those without a number are grey.
    """
    box = seen.box
    high = min(_SIDE, (_WIDTH - 1.9) * box.height / box.width)
    wide = high * box.width / box.height
    with rc_context(STYLE):
        figure = Figure(
            figsize=(max(wide + 1.9, 6.4), high + _TOP + _BOTTOM), dpi=DPI, facecolor="white"
        )
        width, height = figure.get_size_inches()
        axes = figure.add_axes((0.3 / width, _BOTTOM / height, wide / width, high / height))
        axes.imshow(
            seen.picture,
            extent=(box.x, box.x + box.width, box.y + box.height, box.y),
            interpolation="antialiased",
        )
        axes.set_axis_off()
        ends = ends_of(tile.scale for tile in found.numbered if tile.scale is not None)
        for tile in found.tiles:
            _draw_tile(axes, tile, ends, wide * 72 / box.width)
        if ends is not None:
            bar = figure.add_axes(
                ((0.3 + wide + 0.2) / width, _BOTTOM / height, 0.18 / width, high / height)
            )
            _draw_bar(figure, bar, ends)
        _write(figure, found)
        return figure_bytes(figure, kind)


def _draw_tile(
    axes: Axes, tile: MapTile, ends: tuple[float, float] | None, points_per_px: float
) -> None:
    """One tile. points_per_px: points on paper per level-0 px."""
    x, y, width, height = tile.box
    if tile.scale is None or ends is None:
        axes.add_patch(Rectangle((x, y), width, height, facecolor="#d0d0d0b0", edgecolor="white"))
        text, ink = "–", "#404040"
    else:
        colour = colour_of(tile.scale, ends)
        shade = tuple(part / 255 for part in colour)
        look: dict[str, Any] = {"facecolor": (*shade, 0.72), "edgecolor": "white", "linewidth": 1}
        axes.add_patch(Rectangle((x, y), width, height, **look))
        text, ink = f"{tile.scale:.2f}", ink_on(colour)
        if tile.verdict != "ok":
            text += "?"
            stripes = Rectangle(
                (x, y), width, height, fill=False, edgecolor="#ffffff80", hatch="//"
            )
            axes.add_patch(stripes)
    size = min(13.0, 0.26 * width * points_per_px)
    if size < 4:
        return
    middle = (x + width / 2, y + height / 2)
    axes.annotate(text, middle, ha="center", va="bottom", color=ink, size=size, weight="bold")
    if tile.scale is not None and tile.interval is not None and size >= 7:
        spread = f"{tile.interval[0]:.2f}–{tile.interval[1]:.2f}"
        axes.annotate(spread, middle, ha="center", va="top", color=ink, size=size * 0.62)


def _draw_bar(figure: Figure, axes: Axes, ends: tuple[float, float]) -> None:
    bar = figure.colorbar(ScalarMappable(LogNorm(*ends), COLOURS), cax=axes)
    ticks = [tick for tick in scale_ticks(*ends) if ends[0] <= tick <= ends[1]]
    bar.ax.yaxis.set_major_locator(FixedLocator(ticks if len(ticks) > 1 else list(ends)))
    bar.ax.yaxis.set_minor_locator(NullLocator())
    bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.3g}"))
    bar.set_label("scale (larger = coarser)")


def _write(figure: Figure, found: ScaleMap) -> None:
    """Title above, how to read it below."""
    width, height = figure.get_size_inches()
    name = Path(found.slide).name
    letters = int(width * 13)
    title = f"{name} · {found.network}"
    figure.text(
        0.02, 1 - 0.12 / height, plain(map_headline(found)), va="top", size=13, weight="bold"
    )
    figure.text(
        0.02, 1 - 0.42 / height, plain(shorten(title, letters)), va="top", color=GREY, size=9
    )
    level = f"{found.interval_level * 100:.0f} %"
    says = (
        f"Each tile pools its own sites. Below its scale: the {level} interval. Striped, with "
        "?: not ok, check it. Grey: its sites give no number."
    )
    lines = textwrap.fill(says, int(width * 15.5))
    figure.text(0.02, 0.1 / height, lines, va="bottom", color=GREY, size=8)
