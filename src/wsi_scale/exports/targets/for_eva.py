"""eva: a data set with ``target_mpp``. eva cuts the field and leaves resizing to a transform."""

from __future__ import annotations

from collections.abc import Sequence

from wsi_scale.exports.escape import python_table
from wsi_scale.exports.facts import Facts
from wsi_scale.exports.targets._heading import heading

NAME = "eva"
TOOL = "eva"
GIVES = "WsiDataset with target_mpp, overwrite_mpp and the Resize that it leaves to you"
NEEDS = ("scale", "mpp")

CALL = """
from eva.vision.data.wsi import WsiDataset
from eva.vision.data.wsi.patching.samplers import GridSampler
from torchvision.transforms import v2


def dataset(slide):
    side = slide["tile_px"]
    return WsiDataset(
        file_path=slide["path"],
        width=side,
        height=side,
        sampler=GridSampler(),
        target_mpp=slide["target_mpp"],
        overwrite_mpp=slide["overwrite_mpp"],
        image_transforms=v2.Resize((side, side), antialias=True),
    )


if __name__ == "__main__":
    for slide in SLIDES:
        print(slide["path"], len(dataset(slide)), "patches")
"""


def write(slides: Sequence[Facts], left_out: Sequence[str]) -> str:
    """A function that makes the data set, and a loop over the slides."""
    rows = [
        {
            "path": f.path,
            "tile_px": f.tile_px,
            "target_mpp": f.target_mpp,
            "overwrite_mpp": f.needed_mpp,
        }
        for f in slides
    ]
    return heading(TOOL, slides, left_out) + python_table("SLIDES", rows) + CALL
