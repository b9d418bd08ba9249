"""How a notebook shows a report: drawn by a room that stands above the report's own."""

from __future__ import annotations

from importlib import import_module
from typing import Any

DRAWN_BY = "render.in_notebooks"


class ShownInNotebooks:
    """A report that is one line in a shell and shows itself in a notebook."""

    def __repr__(self: Any) -> str:
        scale = None if self.scale is None else float(f"{self.scale:.4g}")
        about = f"slide={self.slide.path!r}, network={self.network.name!r}"
        return f"{type(self).__name__}({about}, scale={scale}, verdict={self.verdict!r})"

    __str__ = __repr__

    def _repr_html_(self) -> str:
        """What a notebook shows: the answer and its curve."""
        text: str = import_module(f"wsi_scale.{DRAWN_BY}").part(self)
        return text
