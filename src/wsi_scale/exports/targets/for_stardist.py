"""StarDist: ``scale``, the zoom of the image before the network, is 1 / our scale."""

from __future__ import annotations

from collections.abc import Sequence

from wsi_scale.exports.escape import python_table
from wsi_scale.exports.facts import Facts
from wsi_scale.exports.targets._heading import heading

NAME = "stardist"
TOOL = "StarDist"
GIVES = "the zoom factor for predict_instances, and the pixelSize for QuPath"
NEEDS = ("scale",)

CALL = """
# zoom is for images of level 0, pixel_size_um for QuPath: StarDist2D.builder(…).pixelSize(…)
# In Python, with img read from level 0:
#     labels, details = model.predict_instances(img, scale=slide["zoom"])
for slide in SLIDES:
    print(slide)
"""


def write(slides: Sequence[Facts], left_out: Sequence[str]) -> str:
    """A table of the slides."""
    rows = [
        {
            "path": f.path,
            "zoom": 1 / f.needed_scale,
            "pixel_size_um": None if f.slide_mpp is None else f.target_mpp,
        }
        for f in slides
    ]
    return heading(TOOL, slides, left_out) + python_table("SLIDES", rows) + CALL
