"""LazySlide and wsidata: the call of ``tile_tissues``."""

from __future__ import annotations

from collections.abc import Sequence

from wsi_scale.exports.escape import python_table
from wsi_scale.exports.facts import Facts
from wsi_scale.exports.targets._heading import heading

NAME = "lazyslide"
TOOL = "LazySlide"
GIVES = "tile_tissues with mpp and the slide's own mpp"
NEEDS = ("scale", "mpp")

CALL = """
import lazyslide as zs
from wsidata import open_wsi

for slide in SLIDES:
    wsi = open_wsi(slide["path"])
    wsi.set_mpp(slide["slide_mpp"])
    zs.pp.find_tissues(wsi)
    zs.pp.tile_tissues(wsi, slide["tile_px"], mpp=slide["mpp"], slide_mpp=slide["slide_mpp"])
    print(slide["path"], len(wsi["tiles"]), "tiles")
"""


def write(slides: Sequence[Facts], left_out: Sequence[str]) -> str:
    """A loop over the slides."""
    rows = [
        {"path": f.path, "slide_mpp": f.needed_mpp, "mpp": f.target_mpp, "tile_px": f.tile_px}
        for f in slides
    ]
    return heading(TOOL, slides, left_out) + python_table("SLIDES", rows) + CALL
