"""Segments a slide at its estimated scale and at wrong ones, and says what each is worth.

    python docs/examples/segment.py SLIDE [--masks MASK.png] [--picture out.png]

Without SLIDE one is drawn (training/tissue.py), at 0.3 µm/px and without metadata, so that the
nuclei are known to the pixel. MASK.png: nuclei of SLIDE, white on black, as large as its level 0.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch.utils.data import DataLoader

import wsi_scale
from wsi_scale.networks import Network

FACTORS = (0.5, 0.71, 1.0, 1.41, 2.0)
SHOWN = 300
"""Level-0 px a side of the part in the picture."""

Mask = NDArray[np.bool_]


def segment(slide: wsi_scale.Slide, network: Network, scale: float) -> NDArray[np.float32]:
    """Probability of a nucleus, (H, W) at the scale."""
    tiles = wsi_scale.tiles(slide, scale=scale, size=256, overlap=64)
    loader = DataLoader(wsi_scale.TileDataset(tiles, network=network), batch_size=8)

    def predictions() -> Iterator[NDArray[np.float32]]:
        for images, _ in loader:
            with torch.inference_mode():
                yield from torch.sigmoid(network.logits(images))[:, 0].numpy()

    return wsi_scale.stitch(tiles, predictions())


def dice(seen: NDArray[np.float32], truth: Mask) -> float:
    """Overlap with the truth, on the slide's own pixels."""
    wide = np.asarray(Image.fromarray(seen).resize(truth.shape[::-1], Image.Resampling.BILINEAR))
    found = wide > 0.5
    return float(2 * (found & truth).sum() / max(1, found.sum() + truth.sum()))


def draw(folder: Path) -> tuple[Path, Mask]:
    """A drawn slide and its nuclei."""
    sys.path.insert(0, str(Path(__file__).parents[2] / "training"))
    from scanner import scan, stain
    from tissue import draw_field

    rng, pitch = np.random.default_rng([0, 6, 1]), 0.3
    field = draw_field(rng, 600, pitch)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "drawn.png"
    Image.fromarray(scan(stain(field, rng), pitch, rng)).save(path)
    return path, field.nuclei > 0.5


def show(slide: wsi_scale.Slide, found: dict[float, NDArray], titles: list[str], out: Path) -> None:
    """The same part at every scale, nuclei outlined."""
    level = slide.levels[0]
    x, y = (level.width - SHOWN) // 2, (level.height - SHOWN) // 2
    part = slide.read(0, x, y, SHOWN, SHOWN)
    figure, axes = plt.subplots(1, len(found), figsize=(3.2 * len(found), 3.6), layout="tight")
    for axis, (scale, seen), title in zip(axes, found.items(), titles, strict=True):
        axis.imshow(part)
        box = (x / scale, y / scale, (x + SHOWN) / scale, (y + SHOWN) / scale)
        wide = Image.fromarray(seen).resize((SHOWN, SHOWN), Image.Resampling.BILINEAR, box=box)
        axis.contour(np.asarray(wide), [0.5], colors="yellow", linewidths=1)
        axis.set_title(title, fontsize=10)
        axis.axis("off")
    figure.savefig(out, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("slide", type=Path, nargs="?")
    parser.add_argument("--masks", type=Path)
    parser.add_argument("--picture", type=Path, default=Path("segment.png"))
    args = parser.parse_args()
    torch.set_num_threads(1)
    truth = None
    if args.slide is None:
        args.slide, truth = draw(args.picture.parent)
    elif args.masks is not None:
        truth = np.asarray(Image.open(args.masks).convert("L")) > 127
    network = wsi_scale.load_network("histology", device="cpu")
    report = wsi_scale.estimate_slide(args.slide, network)
    if report.scale is None:
        sys.exit(f"no scale: {report.reason}")
    print(f"scale {report.scale:.2f} ({report.verdict})")
    with wsi_scale.open_slide(args.slide) as slide:
        found = {
            factor * report.scale: segment(slide, network, factor * report.scale)
            for factor in FACTORS
        }
        titles = [f"scale {scale:.2f}" for scale in found]
        if truth is not None:
            titles = [
                f"{title}, Dice {dice(seen, truth):.2f}"
                for title, seen in zip(titles, found.values(), strict=True)
            ]
        print("\n".join(titles))
        show(slide, found, titles, args.picture)


if __name__ == "__main__":
    main()
