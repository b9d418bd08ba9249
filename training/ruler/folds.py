"""Which images there are, and which sources are left out together.

The unit is the laboratory: its scanner, its stain and its encoder are what a network could
recognise in place of the scale, so sources that share one are left out together.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

FOLDS = {
    "lymph": ("camelyon16", "camelyon17"),
    "colon": (
        "crc_val_he_7k",
        "nct_crc_he_100k",
        "kather_texture_2016",
        "tcga_crc_kather",
        "openslide_cmu1",
        "visium_mouse_brain",
    ),
    "pan": ("tcga_pan_sbu",),
    "lung": ("tcga_luad_sbu", "tcga_brain_sbu"),
}
"""Sources that are scored in each fold, every sure one in exactly one. CAMELYON16 and 17 share
centres and scanners; the colon sets were cut and normalised by one group. CMU-1 and Visium are one
image and two: they ride along. Sets of TCGA come from many laboratories, so only the set itself is
left out."""

STRICT = {"tcga": ("tcga_pan_sbu", "tcga_luad_sbu", "tcga_brain_sbu")}
"""What is scored when nothing of that archive was taught."""

ALSO_HELD = {"tcga": ("tcga_crc_kather", "tcga_lung_necrosis_sbu")}
"""Not trained on in that fold either, for they come from the same archive, but not scored in it."""

NEVER = ("brecahad",)
"""A scale in doubt by 1.6 teaches nothing."""

SMEARS = ("aml_lmu_blood",)
"""Blood smears in another stain, taught as what has no µm/px: their cells are flattened. Those of
BCCD are kept to ask about."""

DOUBTFUL = 0.4
"""Weight of a source whose µm/px was estimated, against 1."""


@dataclass(frozen=True)
class Row:
    """An image of known µm/px."""

    path: Path
    source: str
    case: str
    mpp: float
    sure: bool

    def pixels(self) -> NDArray[np.uint8]:
        """(h, w, 3), as stored."""
        if self.path.suffix == ".svs":
            import openslide

            with openslide.OpenSlide(self.path) as slide:
                image = slide.read_region((0, 0), 0, slide.dimensions)
        else:
            image = Image.open(self.path)
        return np.asarray(image.convert("RGB"))


def read_rows(folder: Path, sources: tuple[str, ...] = ()) -> list[Row]:
    """The H&E images that ``folder/images.csv`` lists, but for those that nobody may learn from; or
    all images of some sources."""
    with (folder / "images.csv").open(newline="") as file:
        return [
            Row(
                folder / row["file"],
                row["source"],
                row["case"],
                float(row["mpp"]),
                row["doubtful"] == "no",
            )
            for row in csv.DictReader(file)
            if (row["source"] in sources)
            or (not sources and row["stain"] == "H&E" and row["source"] not in NEVER)
        ]


def scored(fold: str) -> tuple[str, ...]:
    """Sources that the fold's table is about."""
    return (FOLDS | STRICT)[fold]


def held_out(fold: str) -> tuple[str, ...]:
    """Sources that the fold's network has not seen; none for ``all``."""
    return () if fold == "all" else scored(fold) + ALSO_HELD.get(fold, ())
