"""Patches of known µm/px from images of known µm/px, shrunk and never enlarged.

    python -m training.ruler.draw IMAGES --out POOL

An image of m µm/px, shrunk by r, is one of m·r. What tells the factor and not the tissue is hidden:
the kernel, blur, sharpening, noise and JPEG before and after are by chance, and half of the patches
are resampled twice. Beside them lie patches that have no µm/px (NaN): blood smears, and drawings
that are no tissue.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from math import ceil, log2
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from training.ruler.folds import SMEARS, Row, read_rows
from training.ruler.nothing import draw_nothing

from wsi_scale.pixel_size.ask import LEAST_TISSUE, tissue_share

Rng = np.random.Generator
Pixels = NDArray[np.uint8]

DRAWN = "drawn"
"""Name of the source that is no tissue and no image."""

COARSEST = 6.4
"""µm per px."""

KEPT = 2.5
"""What is shrunk by twice this or more is averaged first, down to this factor: it saves time."""

KERNELS = (
    Image.Resampling.BICUBIC,
    Image.Resampling.BILINEAR,
    Image.Resampling.LANCZOS,
    Image.Resampling.BOX,
    Image.Resampling.HAMMING,
)


def factor_range(shortest: int, mpp: float, side: int) -> tuple[float, float]:
    """Octaves by which an image may be shrunk for a patch; the first is above the second if none.

    shortest: its shorter side in px. side: of the patch in px.
    """
    return 0.0, min(log2(shortest / side), log2(COARSEST / mpp))


def draw_patch(rng: Rng, pixels: Pixels, mpp: float, side: int) -> tuple[Pixels, float]:
    """A patch (side, side, 3) somewhere in the image, and its log2 µm/px."""
    h, w = pixels.shape[:2]
    octaves = rng.uniform(*factor_range(min(h, w), mpp, side))
    wide = min(ceil(side * 2**octaves), h, w)
    y, x = int(rng.integers(h - wide + 1)), int(rng.integers(w - wide + 1))
    image = Image.fromarray(pixels[y : y + wide, x : x + wide])
    return scan_again(rng, image, side), log2(mpp * wide / side)


def scan_again(rng: Rng, image: Image.Image, side: int) -> Pixels:
    """A square image shrunk to (side, side, 3) in one of many ways."""
    if (whole := int(image.width / side / KEPT)) > 1:  # what is left hides how
        image = image.reduce(whole)
    factor = image.width / side
    if rng.random() < 0.35:
        image = encode(rng, image)
    if factor > 1.2 and rng.random() < 0.5:
        image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0, 0.5 * factor)))
    if factor > 1.1 and rng.random() < 0.5:
        between = round(side * factor ** rng.uniform(0.1, 0.9))
        image = image.resize((between, between), kernel(rng))
    if image.width > side:
        image = image.resize((side, side), kernel(rng))
    change = rng.random()
    if change < 0.35:
        image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0, 1.1)))
    elif change < 0.65:
        radius, percent = rng.uniform(0.6, 2), int(rng.integers(20, 150))
        image = image.filter(ImageFilter.UnsharpMask(radius, percent, 0))
    if rng.random() < 0.3:
        noisy = np.asarray(image) + rng.normal(0, rng.uniform(0, 6), (side, side, 3))
        image = Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))
    if rng.random() < 0.5:
        image = encode(rng, image)
    return np.asarray(image)


def kernel(rng: Rng) -> Image.Resampling:
    return KERNELS[int(rng.integers(len(KERNELS)))]


def encode(rng: Rng, image: Image.Image) -> Image.Image:
    """The image as JPEG returns it."""
    file = io.BytesIO()
    quality, colours = int(rng.integers(40, 96)), int(rng.integers(0, 3))
    image.save(file, "JPEG", quality=quality, subsampling=colours)
    return Image.open(file).convert("RGB")


@dataclass(frozen=True)
class Pool:
    """N patches kept on disk."""

    patches: Pixels
    """(N, side, side, 3), read where looked at."""
    octaves: NDArray[np.float32]
    """(N,) log2 µm/px; NaN for what has none."""
    sources: NDArray[np.int64]
    """(N,) index into ``names``."""
    names: tuple[str, ...]
    sure: tuple[bool, ...]
    """One for each name."""
    areas: tuple[float, ...]
    """mm² of all its images, one for each name."""


def open_pool(folder: Path) -> Pool:
    about = json.loads((folder / "about.json").read_text())
    labels = np.load(folder / "labels.npz")
    shape = (len(labels["octaves"]), about["side"], about["side"], 3)
    patches = np.memmap(folder / "patches.u8", np.uint8, "r", shape=shape)
    of_sources = (tuple(about[key]) for key in ("names", "sure", "areas"))
    return Pool(patches, labels["octaves"], labels["sources"], *of_sources)


def draw_pool(
    rows: list[Row], folder: Path, side: int, per_source: int, seed: int, workers: int = 1
) -> None:
    """Draw patches of every source, each image of a source as often as its octaves are wide."""
    folder.mkdir(parents=True, exist_ok=True)
    names = [*sorted({row.source for row in rows}), DRAWN]
    own = [[row for row in rows if row.source == name] for name in names]
    seeds = [[seed, number] for number in range(len(names))]
    many = [(n, o, side, per_source, s) for n, o, s in zip(names, own, seeds, strict=True)]
    octaves, sources, kept, sure, areas = [], [], [], [], []
    with (folder / "patches.u8").open("wb") as file, ProcessPoolExecutor(workers) as pool:
        for name, one, drawn in zip(names, own, pool.map(draw_named, many), strict=True):
            print(f"{name}: {len(drawn)} patches", file=sys.stderr, flush=True)
            if not drawn:
                continue
            for patch, octave in drawn:
                file.write(patch.tobytes())
                octaves.append(octave)
            sources += [len(kept)] * len(drawn)
            kept.append(name)
            sure.append(all(row.sure for row in one))
            areas.append(sum(row.pixels()[..., 0].size * row.mpp**2 for row in one) / 1e6)
    np.savez(folder / "labels.npz", octaves=np.array(octaves, "f4"), sources=np.array(sources))
    about = {"side": side, "per_source": per_source, "seed": seed}
    about |= {"names": kept, "sure": sure, "areas": areas}
    (folder / "about.json").write_text(json.dumps(about, indent=1) + "\n")


def draw_named(job: tuple[str, list[Row], int, int, list[int]]) -> list[tuple[Pixels, float]]:
    """The patches of one source: name, its rows, side, how many, seed."""
    name, rows, side, count, seed = job
    rng = np.random.default_rng(seed)
    if name == DRAWN:
        return [(redrawn(rng, side), np.nan) for _ in range(count)]
    drawn = draw_source(rng, rows, side, count)
    return [(patch, np.nan) for patch, _ in drawn] if name in SMEARS else drawn


def redrawn(rng: Rng, side: int) -> Pixels:
    """A drawing that is no tissue, (side, side, 3), scanned as tissue is."""
    wide = round(side * 2 ** rng.uniform(0, 1.5))
    return scan_again(rng, Image.fromarray(draw_nothing(rng, wide)), side)


def draw_source(rng: Rng, rows: list[Row], side: int, count: int) -> list[tuple[Pixels, float]]:
    """Up to ``count`` patches that show tissue."""
    images = [(row.pixels(), row.mpp) for row in rows]
    ranges = [factor_range(min(pixels.shape[:2]), mpp, side) for pixels, mpp in images]
    room = np.array([max(0.0, high - low + 0.2) * (high >= low) for low, high in ranges])
    large = np.array([min(4.0, min(pixels.shape[:2]) / 256) for pixels, _ in images])
    weights = room * large
    if weights.sum() == 0:
        return []
    drawn = []
    chosen = rng.choice(len(images), 3 * count, p=weights / weights.sum())
    for number in chosen:
        patch, octave = draw_patch(rng, *images[number], side)
        if tissue_share(patch) >= LEAST_TISSUE:
            drawn.append((patch, octave))
        if len(drawn) == count:
            break
    return drawn


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("images", type=Path, help="a folder with images.csv")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--side", type=int, default=96, help="of a patch, in px")
    parser.add_argument("--per-source", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()
    rows = [*read_rows(args.images), *read_rows(args.images, SMEARS)]
    draw_pool(rows, args.out, args.side, args.per_source, args.seed, args.workers)


if __name__ == "__main__":
    main()
