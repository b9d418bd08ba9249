"""Images of known µm/px with their labels, and patches of them at a witness's µm/px."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from benchmarks.witnesses.roster import FIRST_FOUR, Witness
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import binary_fill_holes, binary_opening, gaussian_filter
from skimage.color import rgb2hed
from skimage.filters import threshold_otsu
from skimage.morphology import remove_small_objects

SMALLEST_NUCLEUS = 12.0
"""µm²."""


@dataclass(frozen=True)
class TissueImage:
    """One image."""

    path: Path
    source: str
    mpp: float
    mask: Path | None = None
    kept: dict = field(default_factory=dict, compare=False, repr=False)

    @cached_property
    def pixels(self) -> NDArray[np.uint8]:
        """(h, w, 3)."""
        if self.path.suffix == ".svs":
            import openslide

            with openslide.OpenSlide(self.path) as slide:
                image = slide.read_region((0, 0), 0, slide.dimensions)
        else:
            image = Image.open(self.path)
        return np.asarray(image.convert("RGB"))

    @cached_property
    def people_see(self) -> NDArray[np.bool_]:
        """(h, w) nuclei that people drew."""
        assert self.mask is not None
        return np.asarray(Image.open(self.mask).convert("L")) > 127

    @cached_property
    def haematoxylin_shows(self) -> NDArray[np.bool_]:
        """(h, w) what is dark in haematoxylin and as large as a nucleus."""
        stain = gaussian_filter(rgb2hed(self.pixels)[..., 0], 0.6 / self.mpp)
        dark = stain > threshold_otsu(stain)
        dark = binary_opening(binary_fill_holes(dark), iterations=max(1, round(0.5 / self.mpp)))
        return remove_small_objects(dark, max_size=int(SMALLEST_NUCLEUS / self.mpp**2))


def images_of(data: Path) -> list[TissueImage]:
    """All images of sure µm/px, and those with masks."""
    found = []
    with (data / "ruler" / "images.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            if row["stain"] == "H&E" and row["doubtful"] == "no" and row["species"] == "human":
                path = (data / "ruler" / row["file"]).resolve()
                found.append(TissueImage(path, row["source"], float(row["mpp"])))
    for number, path in enumerate(sorted((data / "nuclei" / "images").iterdir())):
        source = FIRST_FOUR if number < 4 else "nuclei, last three"
        found.append(TissueImage(path, source, 0.25, data / "nuclei" / "masks" / path.name))
    found.append(TissueImage(data / "images" / "instanseg-HE_example.tif", "instanseg", 0.50008))
    return found


def label_of(image: TissueImage, witness: Witness) -> int:
    """Class of the whole image."""
    if witness.task == "tissue":
        start = image.path.name.split("-")[0].split("_")[0]
        return ("ADI", "LYM", "MUC", "MUS", "NORM", "STR", "TUM").index(start)
    sources = [name for name in witness.sources if name != "nct_crc_he_100k"]
    return sources.index(image.source.replace("nct_crc_he_100k", "crc_val_he_7k"))


def classes_of(witness: Witness) -> int:
    if witness.task == "source":
        return len([name for name in witness.sources if name != "nct_crc_he_100k"])
    return 7 if witness.task == "tissue" else 1


def taught(witness: Witness, images: list[TissueImage]) -> list[TissueImage]:
    """The images that a witness learns from."""
    own = [image for image in images if image.source in witness.sources]
    if witness.task == "tissue":
        known = ("ADI", "LYM", "MUC", "MUS", "NORM", "STR", "TUM")
        own = [x for x in own if x.path.name.split("-")[0].split("_")[0] in known]
    return own


def draw_patches(
    witness: Witness, images: list[TissueImage], side: int, count: int
) -> tuple[NDArray[np.uint8], NDArray]:
    """(N, side, side, 3) patches, and (N, side, side) masks or (N,) classes."""
    rng = np.random.default_rng([witness.seed, 1])
    patches, labels = [], []
    groups: dict[object, list[TissueImage]] = {}
    segments = witness.task in ("masks", "nuclei")
    for image in images:
        groups.setdefault(0 if segments else label_of(image, witness), []).append(image)
    while len(patches) < count:
        of_class = list(groups)[len(patches) % len(groups)]
        image = groups[of_class][int(rng.integers(len(groups[of_class])))]
        mpp = witness.mpp * 2 ** rng.uniform(-witness.octaves / 2, witness.octaves / 2)
        h, w = image.pixels.shape[:2]
        wide = side * mpp / image.mpp
        if wide > min(h, w):
            groups[of_class].remove(image)
            continue
        x, y = rng.uniform(0, w - wide), rng.uniform(0, h - wide)
        patches.append(cut(image.pixels, x, y, wide, side))
        if not segments:
            labels.append(of_class)
            continue
        mask = image.people_see if witness.task == "masks" else image.haematoxylin_shows
        labels.append(cut(mask.astype(np.uint8) * 255, x, y, wide, side) > 127)
    return np.stack(patches), np.array(labels)


def cut(pixels: NDArray[np.uint8], x: float, y: float, wide: float, side: int) -> NDArray:
    """The square at (x, y), ``wide`` px wide, as ``side`` px."""
    edge = math.ceil(wide) + 1
    left, top = int(x), int(y)
    part = Image.fromarray(pixels[top : top + edge, left : left + edge])
    box = (x - left, y - top, min(x - left + wide, part.width), min(y - top + wide, part.height))
    return np.asarray(part.resize((side, side), Image.Resampling.BICUBIC, box=box))
