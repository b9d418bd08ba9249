"""What all figures share: their style, their resolution, and how they become bytes."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from matplotlib.figure import Figure

from wsi_scale.render.curve import INK

DPI = 150

STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.color": INK,
    "axes.labelcolor": INK,
    "hatch.linewidth": 0.5,
    "svg.hashsalt": "wsi-scale",
}


@contextmanager
def known_glyphs_or_boxes() -> Iterator[None]:
    """The font may lack the script of a name, which is then drawn as boxes, without a warning."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield


def figure_bytes(figure: Figure, kind: str) -> bytes:
    """A figure as the bytes of a file; the same figure always gives the same bytes."""
    buffer = io.BytesIO()
    metadata = {"Date": None} if kind == "svg" else {"CreationDate": None}
    with known_glyphs_or_boxes():
        figure.savefig(buffer, format=kind, metadata=None if kind == "png" else metadata)
    return buffer.getvalue()
