"""Asks a ruler about the images of the sources that it has not seen, and keeps all its votes.

    python -m training.ruler.evaluate IMAGES RULER.pt --fold lymph --out VOTES.npz

Every image is asked as it is and shrunk by 0.71 and 0.5, as a slide of unknown µm/px, by the code
that users run.
"""

from __future__ import annotations

import argparse
import json
import sys
from functools import lru_cache
from math import log2
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from training.ruler.folds import FOLDS, STRICT, Row, read_rows, scored

from wsi_scale.errors import WsiScaleError
from wsi_scale.networks.network import Network
from wsi_scale.pixel_size.ask import SIDES, TissueVotes
from wsi_scale.pixel_size.nuclei import count_nuclei, witness
from wsi_scale.pixel_size.ruler_network import RulerNet
from wsi_scale.pixel_size.votes import CENTRES, Votes, read_votes
from wsi_scale.sites.overview import survey
from wsi_scale.slide.readers import open_slide

SHRUNK = (1.0, 0.71, 0.5)


def load(path: Path) -> RulerNet:
    net = RulerNet()
    net.load_state_dict(torch.load(path, weights_only=True)["weights"])
    return net.eval()


def cases_of(row: Row) -> list[tuple[np.ndarray, float]]:
    """The image (h, w, 3) in several sizes, with the log2 µm/px of each."""
    whole, cases = Image.fromarray(row.pixels()), []
    for share in SHRUNK:
        sides = [round(length * share) for length in whole.size]
        if min(sides) >= SIDES[-1]:
            small = whole if share == 1 else whole.resize(sides, Image.Resampling.BICUBIC)
            cases.append((np.asarray(small), log2(row.mpp * whole.width / sides[0])))
    return cases


def ask(
    net: torch.nn.Module, pixels: np.ndarray, seed: int = 0, votes: Votes | None = None
) -> tuple[Votes, float | None, str]:
    """What the network says of an image (h, w, 3), nuclei in view, and why it was not asked.

    votes: what the network said before, to count nuclei only.
    """
    try:
        with open_slide(pixels) as slide:
            asked = TissueVotes(slide, survey(slide, None, "H&E"), net, seed)
            if votes is None:
                asked.at_all_scales()
                asked.where_trusted()
            else:
                asked.votes = votes
            reading, nuclei = read_votes(asked.votes), None
            if reading is not None and reading.bound is None:
                nuclei = count_nuclei(slide, asked.sites, 2**reading.octaves, nuclei_network())
            return asked.votes, nuclei, ""
    except WsiScaleError as error:
        return Votes(np.zeros((0, len(CENTRES))), np.zeros(0)), None, str(error)


@lru_cache(maxsize=1)
def nuclei_network() -> Network:
    return witness("cpu")


def evaluate(net: torch.nn.Module, rows: list[Row]) -> tuple[list[dict], list[Votes]]:
    """A line about each case, and its votes."""
    lines, votes = [], []
    for number, row in enumerate(rows):
        for pixels, truth in cases_of(row):
            found, nuclei, refused = ask(net, pixels)
            votes.append(found)
            line = {"source": row.source, "case": row.case, "file": row.path.name}
            size = {"truth": truth, "side": min(pixels.shape[:2]), "sure": row.sure}
            lines.append(line | size | {"nuclei": nuclei and round(nuclei, 1), "refused": refused})
        if number % 20 == 19:
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
    shares = np.split(kept["shares"].astype(float), kept["ends"][:-1])
    octaves = np.split(kept["octaves"], kept["ends"][:-1])
    return lines, [Votes(*pair) for pair in zip(shares, octaves, strict=True)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("images", type=Path, help="a folder with images.csv")
    parser.add_argument("ruler", type=Path)
    parser.add_argument("--fold", choices=[*FOLDS, *STRICT, "all"], required=True)
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
