"""histolab: ``GridTiler`` with ``mpp`` where large_image is installed, else with level 0.

Without large_image, histolab cuts stored levels only: the tiles are then as large as the field, and
are shrunk to the network's input afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence

from wsi_scale.exports.escape import python_table
from wsi_scale.exports.facts import Facts
from wsi_scale.exports.targets._heading import heading

NAME = "histolab"
TOOL = "histolab"
GIVES = "GridTiler with mpp, or with level 0 and the field where large_image is not installed"
NEEDS = ("scale",)

CALL = """
import os
from importlib.util import find_spec

from histolab.slide import Slide
from histolab.tiler import GridTiler


def tiler(slide, wsi):
    if find_spec("large_image") is None:  # tiles of level 0, to be shrunk to tile_px by you
        return GridTiler(tile_size=(slide["field_px"], slide["field_px"]), level=0, suffix=".png")
    # the file's own µm/px × the scale, so that the scale is met whatever the file states
    size = (slide["tile_px"], slide["tile_px"])
    return GridTiler(tile_size=size, mpp=wsi.base_mpp * slide["scale"], suffix=".png")


for slide in SLIDES:
    where = os.path.join("histolab", os.path.basename(slide["path"]))
    large = find_spec("large_image") is not None
    wsi = Slide(slide["path"], processed_path=where, use_largeimage=large)
    tiler(slide, wsi).extract(wsi)
"""


def write(slides: Sequence[Facts], left_out: Sequence[str]) -> str:
    """A loop over the slides."""
    rows = [
        {"path": f.path, "scale": f.scale, "tile_px": f.tile_px, "field_px": f.field_px}
        for f in slides
    ]
    return heading(TOOL, slides, left_out) + python_table("SLIDES", rows) + CALL
