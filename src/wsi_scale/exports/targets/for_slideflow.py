"""slideflow: ``tile_um`` = ``tile_px`` × µm/px, and the slide's own µm/px.

slideflow takes whole µm only, and cuts whole level-0 px of them, rounded down; so the scale it
reaches is off by up to half a µm in ``tile_um``. It is written beside the scale that was found.
"""

from __future__ import annotations

from collections.abc import Sequence

from wsi_scale.exports.escape import python_table
from wsi_scale.exports.facts import Facts
from wsi_scale.exports.targets._heading import heading

NAME = "slideflow"
TOOL = "slideflow"
GIVES = "sf.WSI with tile_px, tile_um and mpp"
NEEDS = ("scale", "mpp")

CALL = """
import slideflow as sf

for slide in SLIDES:
    wsi = sf.WSI(
        slide["path"], tile_px=slide["tile_px"], tile_um=slide["tile_um"], mpp=slide["slide_mpp"]
    )
    print(slide["path"], wsi.estimated_num_tiles, "tiles")
"""


def whole_um(facts: Facts) -> int:
    """Side of a tile in whole µm, at least one."""
    return max(1, round(facts.tile_px * facts.target_mpp))


def write(slides: Sequence[Facts], left_out: Sequence[str]) -> str:
    """A loop over the slides."""
    rows = [
        {
            "path": f.path,
            "tile_px": f.tile_px,
            "tile_um": whole_um(f),
            "slide_mpp": f.needed_mpp,
            "scale": f.scale,
            "scale_reached": int(whole_um(f) / f.needed_mpp) / f.tile_px,
        }
        for f in slides
    ]
    return heading(TOOL, slides, left_out) + python_table("SLIDES", rows) + CALL
