"""Parts that all figures of the thesis share: a pane, its marks, its file."""

from __future__ import annotations

import io
from collections.abc import Callable

from matplotlib.axes import Axes
from matplotlib.figure import Figure

INK, ACCENT, GREY = "#22262b", "#b5432a", "#9aa0a6"


def as_png(figure: Figure) -> bytes:
    """The figure as a PNG file; the same figure gives the same bytes."""
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=110, metadata={"Software": None})
    return out.getvalue()


def one_pane(width: float, height: float, draw: Callable[[Axes], None]) -> bytes:
    """A figure of one pane, drawn and saved as PNG; width and height in inches."""
    figure = Figure(figsize=(width, height), layout="constrained")
    draw(figure.add_subplot())
    return as_png(figure)


def mark_right(axes: Axes, scale: float) -> None:
    """A dashed line at the right scale."""
    axes.axvline(scale, color=GREY, lw=1, ls="--")
    axes.annotate(
        f"right: {scale:g}", (scale, 1), xycoords=("data", "axes fraction"), xytext=(4, -2),
        textcoords="offset points", va="top", color=GREY,
    )  # fmt: skip
