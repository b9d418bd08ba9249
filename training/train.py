r"""Trains the bundled histology network: nuclei in H&E at a known µm per pixel.

    python training/train.py --slide sample_data/CMU-1-Small-Region.svs \
        --out build/histology/network

Data: drawn tissue (tissue.py, scanner.py) and, with --slide, patches of real slides whose µm/px is
known, labelled by colour deconvolution (real.py); name only slides whose licence lets you share
what is learnt from them. The state is kept every 250 steps and a stopped training goes on from
there; the same command and seed give the same weights on the same machine with the same number of
threads. At the end the BatchNorm statistics are measured anew over 300 batches.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from bank import Bank, draw_bank
from data import Batch, Mix, draw_batch
from real import RealSlide
from safetensors.torch import save
from torch.nn.functional import binary_cross_entropy_with_logits, smooth_l1_loss

from wsi_scale.networks.architectures import NucleiUNet
from wsi_scale.plumbing.files import write_atomically

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
    mix: Mix, bank: Path, paths: list[Path], seeds: Iterator[list[int]], workers: int
) -> Iterator[Batch]:
    """One batch for each seed, drawn ahead in processes."""
    with ProcessPoolExecutor(workers, initializer=_open, initargs=(bank, paths)) as pool:
        ahead = [
            pool.submit(_draw, mix, seed)
            for _, seed in zip(range(4 * workers), seeds, strict=False)
        ]
        while ahead:
            done = ahead.pop(0).result()
            if (seed := next(seeds, None)) is not None:
                ahead.append(pool.submit(_draw, mix, seed))
            yield done


_bank: list[Bank] = []
_slides: list[RealSlide] = []


def _open(bank: Path, paths: list[Path]) -> None:
    torch.set_num_threads(1)
    _bank.append(Bank(bank))
    _slides.extend(RealSlide(path) for path in paths)


def _draw(mix: Mix, seed: list[int]) -> Batch:
    return draw_batch(mix, _bank[0], _slides, seed)


def to_tensors(batch: Batch) -> tuple[torch.Tensor, ...]:
    images = torch.from_numpy(batch.images).permute(0, 3, 1, 2).float() / 255
    nuclei, known = (torch.from_numpy(x)[:, None] for x in (batch.nuclei, batch.known))
    return images, nuclei, known, torch.from_numpy(batch.octaves)


def loss_of(logits: torch.Tensor, nuclei: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
    """Cross-entropy plus one minus Dice, where labels are known."""
    entropy = binary_cross_entropy_with_logits(logits, nuclei, known)
    guess = torch.sigmoid(logits) * known
    both = (guess * nuclei).sum() * 2 + 1
    return entropy + 1 - both / (guess.sum() + (nuclei * known).sum() + 1)


class Taught(torch.nn.Module):
    """The network, and a line from its deepest features to the octaves from its scale: what makes
    it look at size while it learns. The line is not kept."""

    def __init__(self, filters: int) -> None:
        super().__init__()
        self.network = NucleiUNet(filters)
        self.line = torch.nn.Linear(8 * filters, 1)
        self.network.down[-1].register_forward_hook(self._listen)

    def _listen(self, _module: torch.nn.Module, _input: object, output: torch.Tensor) -> None:
        self.deepest = output

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits of nuclei, and octaves (N,)."""
        logits = self.network(x)
        return logits, self.line(self.deepest.mean((2, 3)))[:, 0]


def train(
    recipe: Recipe, mix: Mix, bank: Path, slides: list[Path], out: Path, workers: int
) -> NucleiUNet:
    """Train, or go on training."""
    torch.manual_seed(recipe.seed)
    taught = Taught(recipe.filters).to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(taught.parameters(), lr=recipe.rate, weight_decay=1e-4)
    decay = torch.optim.lr_scheduler.OneCycleLR(optimiser, recipe.rate, recipe.steps, pct_start=0.1)
    first, state = 0, out / "state.pt"
    parts = {"taught": taught, "optimiser": optimiser, "decay": decay}
    if state.exists():
        kept = torch.load(state, weights_only=True)
        first = kept["step"]
        for name, part in parts.items():
            part.load_state_dict(kept[name])
    seeds = ([recipe.seed, 1, step] for step in range(first, recipe.steps))
    begun, losses = time.monotonic(), []
    for step, batch in enumerate(batches(mix, bank, slides, seeds, workers), first + 1):
        images, nuclei, known, octaves = to_tensors(batch)
        logits, said = taught(images)
        of_nuclei, of_scale = loss_of(logits, nuclei, known), smooth_l1_loss(said, octaves)
        optimiser.zero_grad()
        (of_nuclei + of_scale).backward()
        optimiser.step()
        decay.step()
        losses.append((float(of_nuclei.detach()), float(of_scale.detach())))
        if step % KEEP_EVERY == 0 or step == recipe.steps:
            save_state(state, {"step": step} | {n: part.state_dict() for n, part in parts.items()})
            left = (time.monotonic() - begun) / (step - first) * (recipe.steps - step)
            mean = np.mean(losses[-KEEP_EVERY:], axis=0)
            print(
                f"{step} of {recipe.steps}, loss {mean[0]:.4f}, of scale {mean[1]:.4f}, "
                f"{left / 60:.0f} min left", file=sys.stderr, flush=True,
            )  # fmt: skip
    return taught.network


def save_state(path: Path, state: dict) -> None:
    """Whole or not at all."""
    torch.save(state, path.with_suffix(".new"))
    path.with_suffix(".new").replace(path)


@torch.no_grad()
def settle(network: NucleiUNet, seen: Iterable[Batch]) -> None:
    """BatchNorm statistics of the finished weights: the mean over many fresh batches."""
    for part in network.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            part.reset_running_stats()
            part.momentum = None
    network.train()
    for batch in seen:
        network(to_tensors(batch)[0])
    network.eval()


@torch.no_grad()
def dice(network: NucleiUNet, seen: Iterable[Batch]) -> float:
    """Twice the shared area over the sum of both."""
    both = either = 0.0
    for batch in seen:
        images, nuclei, *_ = to_tensors(batch)
        guess, right = network(images) > 0, nuclei > 0.5
        both += float((guess & right).sum())
        either += float(guess.sum() + right.sum())
    return 2 * both / either


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--slide", type=Path, action="append", default=[], help="may be repeated")
    parser.add_argument("--mpp", type=float, default=1.0)
    parser.add_argument("--steps", type=int, default=4500)
    parser.add_argument("--fields", type=int, default=240, help="drawn for training")
    parser.add_argument("--filters", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=1, help="processes that draw")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    args.out.mkdir(parents=True, exist_ok=True)
    bank, test = args.out.parent / "bank", args.out.parent / "bank-test"
    draw_bank(bank, args.fields, args.seed, args.workers)
    draw_bank(test, max(2, args.fields // 10), args.seed + 1, args.workers)
    recipe = Recipe(args.mpp, args.steps, args.filters, args.seed)
    mix = Mix(args.mpp) if args.slide else Mix(args.mpp, drawn=24, real=0)
    network = train(recipe, mix, bank, args.slide, args.out, args.workers)
    right = replace(mix, right=1.0)
    settling = ([args.seed, 2, number] for number in range(SETTLE))
    settle(network, batches(right, bank, args.slide, settling, args.workers))
    weights = save({k: v.contiguous() for k, v in network.state_dict().items()})
    write_atomically(args.out / "weights.safetensors", weights)
    print(f"sha256 {hashlib.sha256(weights).hexdigest()}")
    testing = ([args.seed, 3, number] for number in range(TEST))
    found = dice(network, batches(right, test, [], testing, args.workers))
    about = {"mpp": args.mpp, "steps": args.steps, "seed": args.seed, "dice": round(found, 3)}
    about["command"] = " ".join(["python", "training/train.py", *sys.argv[1:]])
    (args.out / "about.json").write_text(json.dumps(about, indent=1) + "\n")
    print(f"Dice on other drawn fields {found:.3f}")


if __name__ == "__main__":
    main()
