"""Fine-tuning on images taken at another scale: at the estimated scale, and at the native one.

    python docs/examples/fine_tune.py

The bundled network `figures` was trained where figures are 8 network px wide. New slides come from
another scanner (figures 2.5 times as wide on level 0 as that network wants, grainy, their colours
faded), with a few labelled tiles a class. The network is tuned on tiles cut at the scale that
`estimate_slide` gives, and, by the same recipe, on native tiles (scale 1); each is then asked about
new slides at its own scale. Before that, both are asked untuned. Three draws of slides.

The second scenario of the thesis (MSU, 2022). Prints one line a draw, and the means.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader

import wsi_scale
from wsi_scale.networks import Network
from wsi_scale.slide.readers.synthetic import SyntheticSlide

CLASSES = 20
STRETCH, NOISE, FADE = 0.5, 60.0, 0.55
TILES, EPOCHS, RATE = 4, 10, 1e-3
"""Labelled tiles a class, and how they are learnt."""

SIDE = 2400
DRAWS = 3


@dataclass(frozen=True)
class Faded:
    """A transform of tiles: what another laboratory and scanner did to the colours."""

    share: float = FADE

    def __call__(self, tile: np.ndarray) -> np.ndarray:
        return (255 - self.share * (255 - tile.astype(float))).round().astype(np.uint8)


def slide_of(kind: int | None, seed: int) -> SyntheticSlide:
    """A new slide of one class, or of all."""
    return SyntheticSlide.figures(
        seed=seed, only=kind, stretch=STRETCH, noise=NOISE, width=SIDE, height=SIDE
    )


def tiles_of(
    network: Network, scale: float, first: int, count: int
) -> Iterator[tuple[torch.Tensor, int]]:
    """``count`` tiles of every class at a scale, as the network wants them, and their class."""
    for kind in range(CLASSES):
        slide = slide_of(kind, first + kind)
        tiles = wsi_scale.tiles(slide, scale=scale, size=224)
        data = wsi_scale.TileDataset(tiles, network=network, transform=Faded())
        for image, _ in DataLoader(data, batch_size=None, sampler=range(min(count, len(data)))):
            yield image, kind


def tuned(network: Network, scale: float, seed: int) -> torch.nn.Module:
    """A copy of the network, tuned on a few tiles; its BatchNorm statistics move with it."""
    torch.manual_seed(seed)
    images, kinds = zip(*tiles_of(network, scale, 1000 * seed, TILES), strict=True)
    x, y = torch.stack(images), torch.tensor(kinds)
    module = copy.deepcopy(network.module).train().requires_grad_()
    optimiser = torch.optim.Adam(module.parameters(), RATE)
    steps = EPOCHS * len(y) // 16
    decay = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(y)).split(16):
            optimiser.zero_grad()
            cross_entropy(module(x[rows]), y[rows]).backward()
            optimiser.step()
            decay.step()
    return module.eval()


@torch.no_grad()
def wrong(module: torch.nn.Module, network: Network, scale: float, seed: int) -> float:
    """Share of wrong predictions on tiles of new slides."""
    images, kinds = zip(*tiles_of(network, scale, 1000 * seed + 500, 4), strict=True)
    guess = module(torch.stack(images)).argmax(1)
    return float((guess != torch.tensor(kinds)).double().mean())


def main() -> None:
    torch.set_num_threads(1)
    network = wsi_scale.load_network("figures", device="cpu")
    rows = []
    for seed in range(1, DRAWS + 1):
        report = wsi_scale.estimate_slide(slide_of(None, 1000 * seed + 900), network)
        assert report.scale is not None, report.reason
        row = [report.scale]
        for scale in (report.scale, 1.0):
            row += [wrong(network.module, network, scale, seed)]
            row += [wrong(tuned(network, scale, seed), network, scale, seed)]
        rows.append(row)
        print(
            "scale {:.2f}: wrong {:.1%} untuned, {:.1%} tuned; native: {:.1%}, {:.1%}".format(*row)
        )
    print(
        "mean: scale {:.2f}: {:.1%}, {:.1%}; native: {:.1%}, {:.1%}".format(*np.mean(rows, axis=0))
    )


if __name__ == "__main__":
    main()
