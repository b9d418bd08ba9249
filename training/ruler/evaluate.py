"""Asks a ruler about the images of the sources that it has not seen, and keeps all its votes.

    python -m training.ruler.evaluate IMAGES RULER.pt --fold lymph --out VOTES.npz

Every image is asked as it is and shrunk by 0.71 and 0.5, where a patch still fits and a quarter of
it is tissue.
"""

from __future__ import annotations

import argparse
import json
import sys
from math import log2
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from training.ruler.ask import SIDES, Votes, ask, load
from training.ruler.draw import LEAST_TISSUE, tissue_share
from training.ruler.folds import FOLDS, Row, read_rows, scored
from training.ruler.network import RulerNet

SHRUNK = (1.0, 0.71, 0.5)


def cases_of(row: Row, least: int) -> list[tuple[Image.Image, float]]:
    """The image in several sizes, with the log2 µm/px of each; none if it shows no tissue."""
    pixels = row.pixels()
    if tissue_share(pixels) < LEAST_TISSUE:
        return []
    whole, cases = Image.fromarray(pixels), []
    for share in SHRUNK:
        sides = [round(length * share) for length in whole.size]
        if min(sides) >= least:
            small = whole if share == 1 else whole.resize(sides, Image.Resampling.BICUBIC)
            cases.append((small, log2(row.mpp * whole.width / sides[0])))
    return cases


def evaluate(
    net: RulerNet, rows: list[Row], least: int = SIDES[0]
) -> tuple[list[dict], list[Votes]]:
    """A line about each case, and its votes."""
    lines, votes = [], []
    for number, row in enumerate(rows):
        for image, truth in cases_of(row, least):
            votes.append(ask(net, image, number))
            line = {"source": row.source, "case": row.case, "file": row.path.name}
            size = {"truth": truth, "side": min(image.size), "sure": row.sure}
            lines.append(line | size)
        if number % 50 == 49:
            print(f"{number + 1} of {len(rows)} images", file=sys.stderr, flush=True)
    return lines, votes


def keep(path: Path, lines: list[dict], votes: list[Votes]) -> None:
    ends = np.cumsum([len(v.octaves) for v in votes])
    shares = np.concatenate([v.shares for v in votes]).astype(np.float16)
    octaves = np.concatenate([v.octaves for v in votes])
    np.savez(path, lines=json.dumps(lines), ends=ends, shares=shares, octaves=octaves)


def recall(path: Path) -> tuple[list[dict], list[Votes]]:
    kept = np.load(path)
    lines = json.loads(str(kept["lines"]))
    shares = np.split(kept["shares"].astype(np.float32), kept["ends"][:-1])
    octaves = np.split(kept["octaves"], kept["ends"][:-1])
    return lines, [Votes(*pair) for pair in zip(shares, octaves, strict=True)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("images", type=Path, help="a folder with images.csv")
    parser.add_argument("ruler", type=Path)
    parser.add_argument("--fold", choices=[*FOLDS, "all"], required=True)
    parser.add_argument("--untrained", action="store_true", help="with weights by chance")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    torch.set_num_threads(1)
    rows = read_rows(args.images)
    if args.fold != "all":
        rows = [row for row in rows if row.source in scored(args.fold)]
    net = load(args.ruler)
    if args.untrained:
        torch.manual_seed(0)
        net = RulerNet().eval()
    keep(args.out, *evaluate(net, rows))


if __name__ == "__main__":
    main()
