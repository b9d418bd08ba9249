"""InstanSeg: ``pixel_size``. It zooms by pixel_size / its own µm/px; its own / scale is exact."""

from __future__ import annotations

from collections.abc import Sequence

from wsi_scale.exports.escape import python_table
from wsi_scale.exports.facts import Facts
from wsi_scale.exports.targets._heading import heading

NAME = "instanseg"
TOOL = "InstanSeg"
GIVES = "the pixel_size for the scale, and the slide's own"
NEEDS = ("scale",)

CALL = """
# InstanSeg(model).instanseg.pixel_size is the µm/px that the model was made for, often 0.5.


def pixel_size(slide, model_pixel_size):
    \"\"\"What to pass for an image of level 0, so that the model sees it at the scale found.\"\"\"
    return model_pixel_size / slide["scale"]


# The slide's own µm/px is slide["slide_mpp"]; pass that to trust the model's µm/px instead.
#     labels, image = model.eval_medium_image(img, pixel_size=pixel_size(slide, 0.5))
for slide in SLIDES:
    print(slide["path"], pixel_size(slide, 0.5), slide["slide_mpp"])
"""


def write(slides: Sequence[Facts], left_out: Sequence[str]) -> str:
    """A function, and a table of the slides."""
    rows = [
        {
            "path": f.path,
            "scale": f.scale,
            "slide_mpp": None if f.slide_mpp is None else f.needed_mpp,
        }
        for f in slides
    ]
    return heading(TOOL, slides, left_out) + python_table("SLIDES", rows) + CALL
