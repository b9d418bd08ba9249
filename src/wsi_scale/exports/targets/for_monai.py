"""MONAI: a native level, and what is left to resize. Its ``WSIReader`` reads stored levels only."""

from __future__ import annotations

from collections.abc import Sequence

from wsi_scale.exports.escape import python_table
from wsi_scale.exports.facts import Facts
from wsi_scale.exports.targets._heading import heading

NAME = "monai"
TOOL = "MONAI"
GIVES = "WSIReader with a level, the size to read there and the Resize that is left"
NEEDS = ("scale",)

CALL = """
from monai.data import WSIReader
from monai.transforms import Resize


def read_patch(slide, x, y):
    \"\"\"One patch, channel first, whose top left corner lies at x, y in level-0 px.\"\"\"
    reader = WSIReader(backend="openslide", level=slide["level"])
    size = (slide["level_px"], slide["level_px"])
    image, _ = reader.get_data(reader.read(slide["path"]), location=(y, x), size=size)
    tile = (slide["tile_px"], slide["tile_px"])
    return Resize(tile, mode="bicubic", anti_aliasing=slide["residual"] > 1)(image)


if __name__ == "__main__":
    for slide in SLIDES:
        print(slide["path"], read_patch(slide, 0, 0).shape)
"""


def write(slides: Sequence[Facts], left_out: Sequence[str]) -> str:
    """A function that reads one patch, and a loop over the slides."""
    rows = [
        {
            "path": f.path,
            "level": f.level,
            "level_px": round(f.tile_px * f.residual),
            "residual": f.residual,
            "tile_px": f.tile_px,
        }
        for f in slides
    ]
    return heading(TOOL, slides, left_out) + python_table("SLIDES", rows) + CALL
