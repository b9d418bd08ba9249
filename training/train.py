"""Trains the bundled histology network: nuclei in H&E at a known µm per pixel.

    python training/train.py --slide sample_data/CMU-1-Small-Region.svs --out build/histology

Data: drawn tissue (tissue.py, scanner.py) and, with --slide, patches of real slides whose µm/px is
known, labelled by colour deconvolution (real.py); name only slides whose licence lets you share
what is learnt from them. The state is kept every 250 steps and a stopped training goes on from
there; the same command and seed give the same weights on the same machine with the same number of
threads. At the end the BatchNorm statistics are measured anew over 300 batches.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from data import Batch, Mix, draw_batch
from real import RealSlide
from safetensors.torch import save
from torch.nn.functional import binary_cross_entropy_with_logits

from wsi_scale.files import write_atomically
from wsi_scale.networks.architectures import NucleiUNet

SETTLE, TEST = 300, 40
"""Batches for the statistics, and for the Dice in the card."""
KEEP_EVERY = 250


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the weights, beside the slides."""

    mpp: float
    steps: int
    filters: int
    seed: int
    rate: float = 2e-3


def batches(
    mix: Mix, paths: list[Path], seeds: Iterator[list[int]], workers: int
) -> Iterator[Batch]:
    """One batch for each seed, drawn ahead in processes."""
    with ProcessPoolExecutor(workers, initializer=_open_slides, initargs=(paths, mix.mpp)) as pool:
        ahead = [
            pool.submit(_draw, mix, seed)
            for _, seed in zip(range(4 * workers), seeds, strict=False)
        ]
        while ahead:
            done = ahead.pop(0).result()
            if (seed := next(seeds, None)) is not None:
                ahead.append(pool.submit(_draw, mix, seed))
            yield done


_slides: list[RealSlide] = []


def _open_slides(paths: list[Path], mpp: float) -> None:
    torch.set_num_threads(1)
    _slides.extend(RealSlide(path, mpp) for path in paths)


def _draw(mix: Mix, seed: list[int]) -> Batch:
    return draw_batch(mix, _slides, seed)


def to_tensors(batch: Batch) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    images = torch.from_numpy(batch.images).permute(0, 3, 1, 2).float() / 255
    nuclei, known = (torch.from_numpy(x)[:, None] for x in (batch.nuclei, batch.known))
    return images, nuclei, known


def loss_of(logits: torch.Tensor, nuclei: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
    """Cross-entropy plus one minus Dice, where labels are known."""
    entropy = binary_cross_entropy_with_logits(logits, nuclei, known)
    guess = torch.sigmoid(logits) * known
    both = (guess * nuclei).sum() * 2 + 1
    return entropy + 1 - both / (guess.sum() + (nuclei * known).sum() + 1)


def train(recipe: Recipe, mix: Mix, paths: list[Path], out: Path, workers: int) -> NucleiUNet:
    """Train, or go on training."""
    torch.manual_seed(recipe.seed)
    network = NucleiUNet(recipe.filters).to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(network.parameters(), lr=recipe.rate, weight_decay=1e-4)
    decay = torch.optim.lr_scheduler.OneCycleLR(optimiser, recipe.rate, recipe.steps, pct_start=0.1)
    first, state = 0, out / "state.pt"
    if state.exists():
        kept = torch.load(state, weights_only=True)
        first = kept["step"]
        for part, name in ((network, "network"), (optimiser, "optimiser"), (decay, "decay")):
            part.load_state_dict(kept[name])
    seeds = ([recipe.seed, 1, step] for step in range(first, recipe.steps))
    begun, losses = time.monotonic(), []
    for step, batch in enumerate(batches(mix, paths, seeds, workers), first + 1):
        images, nuclei, known = to_tensors(batch)
        loss = loss_of(network(images), nuclei, known)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        decay.step()
        losses.append(float(loss.detach()))
        if step % KEEP_EVERY == 0 or step == recipe.steps:
            whole = {"step": step, "network": network.state_dict()}
            whole |= {"optimiser": optimiser.state_dict(), "decay": decay.state_dict()}
            torch.save(whole, state.with_suffix(".new"))
            state.with_suffix(".new").replace(state)
            left = (time.monotonic() - begun) / (step - first) * (recipe.steps - step)
            print(
                f"{step} of {recipe.steps}, loss {np.mean(losses[-KEEP_EVERY:]):.4f}, "
                f"{left / 60:.0f} min left", file=sys.stderr, flush=True,
            )  # fmt: skip
    return network


@torch.no_grad()
def settle(network: NucleiUNet, mix: Mix, paths: list[Path], seed: int, workers: int) -> None:
    """BatchNorm statistics of the finished weights: the mean over many fresh batches."""
    for part in network.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            part.reset_running_stats()
            part.momentum = None
    network.train()
    for batch in batches(mix, paths, ([seed, 2, k] for k in range(SETTLE)), workers):
        network(to_tensors(batch)[0])
    network.eval()


@torch.no_grad()
def dice(network: NucleiUNet, mix: Mix, seed: int, workers: int) -> float:
    """On drawn fields that were not trained on."""
    both = either = 0.0
    for batch in batches(mix, [], ([seed, 3, k] for k in range(TEST)), workers):
        images, nuclei, _ = to_tensors(batch)
        guess, right = network(images) > 0, nuclei > 0.5
        both += float((guess & right).sum())
        either += float(guess.sum() + right.sum())
    return 2 * both / either


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--slide", type=Path, action="append", default=[], help="may be repeated")
    parser.add_argument("--mpp", type=float, default=1.0)
    parser.add_argument("--steps", type=int, default=6000)
    parser.add_argument("--filters", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=1, help="processes that draw")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    args.out.mkdir(parents=True, exist_ok=True)
    recipe, mix = Recipe(args.mpp, args.steps, args.filters, args.seed), Mix(args.mpp)
    network = train(recipe, mix, args.slide, args.out, args.workers)
    settle(network, mix, args.slide, args.seed, args.workers)
    weights = save({k: v.contiguous() for k, v in network.state_dict().items()})
    write_atomically(args.out / "weights.safetensors", weights)
    print(f"sha256 {hashlib.sha256(weights).hexdigest()}")
    print(f"Dice on drawn fields {dice(network, mix, args.seed, args.workers):.3f}")


if __name__ == "__main__":
    main()
