"""What a trained ruler says about an image of unknown µm/px.

The image is shrunk by many factors and looked at in many places. A patch shrunk by r whose log2
µm/px is read as y votes for y − log2 r. Where a guess and a factor together lie beyond what the
network was taught, the patch says only "beyond", and that is how it is counted.

    python -m training.ruler.ask RULER.pt IMAGE...
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from math import log2
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from training.ruler.draw import LEAST_TISSUE, tissue_share
from training.ruler.network import CENTRES, STEP, RulerNet, log_shares

Floats = NDArray[np.float32]

SIDES = (64, 96, 128)
"""px of a patch; taught at the first, and as good or better at the others."""
EVERY = 2
"""Bins between two factors: 0.2 octave."""
PLACES = 12
"""Patches at each factor, at most."""
TAUGHT = (-2.1, 2.2)
"""log2 µm/px between which the network was taught anything: 0.23 to 4.6."""
TRUSTED, REACH = (-0.5, 0.5), 0.35
"""log2 µm/px between which it was taught the most tissues, 0.71 to 1.4: outside, a patch of an
unknown tissue is read as one of another size. And how many octaves of an image that does not reach
there are asked."""
WEIGHT, FLOOR = 10.0, 0.05
"""Of all votes together, in votes, for those of one image hang together; and the share of them
that may be plainly wrong."""
TINY = 1e-9
GUESSES = np.round(np.arange(-4.0, 2.55, STEP), 4)
"""(G,) log2 µm/px that an image may have: 0.06 to 5.7."""


@dataclass(frozen=True)
class Votes:
    """What the network said of V patches of one image."""

    shares: Floats
    """(V, B) log of each bin's share."""
    octaves: Floats
    """(V,) log2 of the factor by which the image was shrunk."""

    @property
    def entropy(self) -> Floats:
        """(V,) nats."""
        return -(np.exp(self.shares) * self.shares).sum(1)


@dataclass(frozen=True)
class Answer:
    """log2 µm/px and what speaks against it."""

    octaves: float
    spread: float
    """Standard deviation of the fused distribution, in octaves."""
    scatter: float
    """Median distance of the single votes from the answer, in octaves."""


def load(path: Path) -> RulerNet:
    saved = torch.load(path, weights_only=True)
    recipe = saved["recipe"]
    net = RulerNet(tuple(recipe["widths"]), 2 if recipe["head"] == "laplace" else 0)
    net.load_state_dict(saved["weights"])
    return net.eval()


def cut(image: Image.Image, seed: int) -> Iterator[tuple[NDArray[np.uint8], float]]:
    """Patches with tissue at each factor, (V, side, side, 3), and log2 of the factor.

    They are as large as the shrunk image allows, between the first and the last of SIDES.
    """
    rng = np.random.default_rng(seed)
    shortest = min(image.size)
    for number in range(0, int(log2(max(shortest / SIDES[0], 1)) / STEP + 1e-6) + 1, EVERY):
        small = image
        if number:
            sides = [max(SIDES[0], round(n / 2 ** (number * STEP))) for n in image.size]
            small = image.resize(sides, Image.Resampling.BICUBIC)
        pixels = np.asarray(small)
        high, wide = pixels.shape[:2]
        side = max(side for side in SIDES if side <= min(high, wide))
        patches = [
            patch
            for y, x in places(rng, high - side, wide - side, side)
            if tissue_share(patch := pixels[y : y + side, x : x + side]) >= LEAST_TISSUE
        ]
        if patches:
            yield np.stack(patches), number * STEP


def places(rng: np.random.Generator, high: int, wide: int, side: int) -> list[tuple[int, int]]:
    """Upper left corners (y, x), one by chance in each cell of a grid; PLACES of them at most."""
    rows, columns = (min(4, 1 + length // (side // 2)) for length in (high, wide))
    corners = [
        (
            int((row + rng.random()) / rows * (high + 1)),
            int((column + rng.random()) / columns * (wide + 1)),
        )
        for row in range(rows)
        for column in range(columns)
    ]
    rng.shuffle(corners)
    return [(int(y), int(x)) for y, x in corners[:PLACES]]


@torch.no_grad()
def ask(net: torch.nn.Module, image: Image.Image, seed: int = 0) -> Votes:
    """What the network says of patches all over the image."""
    shares, octaves = [np.zeros((0, len(CENTRES)), np.float32)], []
    if min(image.size) >= SIDES[0]:
        for patches, octave in cut(image.convert("RGB"), seed):
            seen = torch.from_numpy(patches).permute(0, 3, 1, 2).float() / 255
            shares.append(log_shares(net(seen)).numpy())
            octaves += [octave] * len(patches)
    return Votes(np.concatenate(shares), np.array(octaves, np.float32))


def beyond_counted(shares: Floats) -> Floats:
    """The shares with everything beyond what was taught made one: the mean of the last three bins
    on that side."""
    low, high = (round((end - CENTRES[0]) / STEP) for end in TAUGHT)
    kept, plain = shares.copy(), np.exp(shares)
    kept[:, :low] = np.log(plain[:, low : low + 3].mean(1, keepdims=True) + TINY)
    kept[:, high + 1 :] = np.log(plain[:, high - 2 : high + 1].mean(1, keepdims=True) + TINY)
    return kept


def fuse(votes: Votes) -> Floats:
    """(G,) shares of the guesses: the product of all votes, each raised to the same power.

    A guess and a factor say where in a patch's bins to look; WEIGHT, how much all together count.
    """
    shares = beyond_counted(votes.shares)
    at = np.round((GUESSES[None] + votes.octaves[:, None] - CENTRES[0]) / STEP).astype(int)
    found = np.take_along_axis(shares, np.clip(at, 0, len(CENTRES) - 1), 1)
    support = np.logaddexp(np.log1p(-FLOOR) + found, np.log(FLOOR / len(CENTRES)))
    total = min(1.0, WEIGHT / len(found)) * support.sum(0)
    plain = np.exp(total - total.max())
    return plain / plain.sum()


def answer(votes: Votes) -> Answer | None:
    """The median of the fused distribution; None without a vote.

    All votes together say roughly what it is. Then only those count whose patches, if that is
    right, lie inside TRUSTED, or in the nearest REACH octaves that the image has.
    """
    if not len(votes.octaves):
        return None
    shares = fuse(votes)
    for _ in range(2):
        scale = middle(shares) + votes.octaves
        low = min(TRUSTED[0], scale.max() - REACH)
        high = max(TRUSTED[1], scale.min() + REACH)
        kept = (scale >= low) & (scale <= high)
        shares = fuse(Votes(votes.shares[kept], votes.octaves[kept]))
    at = middle(shares)
    mean = float((shares * GUESSES).sum())
    spread = float(np.sqrt((shares * (GUESSES - mean) ** 2).sum() + STEP**2 / 12))
    single = CENTRES[votes.shares.argmax(1)] - votes.octaves
    return Answer(at, spread, float(np.median(np.abs(single - at))))


def middle(shares: Floats) -> float:
    """The guess with half of the shares on either side."""
    return float(np.interp(0.5, np.cumsum(shares) - shares / 2, GUESSES))


def main() -> None:
    parser = argparse.ArgumentParser(description="Reads µm/px from the pixels of H&E images.")
    parser.add_argument("ruler", type=Path)
    parser.add_argument("images", type=Path, nargs="+")
    args = parser.parse_args()
    torch.set_num_threads(1)
    net = load(args.ruler)
    for path in args.images:
        found = answer(ask(net, Image.open(path)))
        if found is None:
            print(f"{path.name}: no tissue")
        else:
            print(f"{path.name}: {2**found.octaves:.3f} µm/px, spread {found.spread:.2f} octaves")


if __name__ == "__main__":
    main()
