"""Cellpose: ``diameter``. It zooms an image by 30 / diameter, so 30 × scale is our scale."""

from __future__ import annotations

from collections.abc import Sequence

from wsi_scale.exports.escape import python_table
from wsi_scale.exports.facts import Facts
from wsi_scale.exports.targets._heading import heading

NAME = "cellpose"
TOOL = "Cellpose"
GIVES = "the diameter in level-0 px, and what it is in µm"
NEEDS = ("scale",)

MEAN_DIAMETER = 30.0
"""px to which Cellpose brings every cell; 17 for its older model of nuclei."""

CALL = """
# diameter is for images of level 0; the older model "nuclei" wants diameter_nuclei.
#     masks, flows, styles = model.eval(img, diameter=slide["diameter"])
for slide in SLIDES:
    print(slide)
"""


def write(slides: Sequence[Facts], left_out: Sequence[str]) -> str:
    """A table of the slides."""
    rows = [
        {
            "path": f.path,
            "diameter": MEAN_DIAMETER * f.needed_scale,
            "diameter_nuclei": 17.0 * f.needed_scale,
            "diameter_um": None if f.slide_mpp is None else MEAN_DIAMETER * f.target_mpp,
        }
        for f in slides
    ]
    return heading(TOOL, slides, left_out) + python_table("SLIDES", rows) + CALL
