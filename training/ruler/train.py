"""Trains a ruler on a pool of patches, without the sources of a fold.

    python -m training.ruler.train POOL --fold lymph --start LITE0.pth --out FOLDER

LITE0.pth: see ``network.start_from``. The state is kept every 500 steps and a stopped training goes
on from there; the same command gives the same weights on the same machine with one thread. What is
kept in the end is the running mean of the weights. ``--fold all`` leaves nothing out.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from training.ruler.augment import augment
from training.ruler.draw import Pool, open_pool
from training.ruler.folds import DOUBTFUL, FOLDS, STRICT, held_out, scored
from training.ruler.network import COMMON, cross_entropy, start_from

from wsi_scale.pixel_size.ruler_network import RulerNet
from wsi_scale.pixel_size.votes import medians

KEEP_EVERY = 500
MEMORY = 0.996
"""Of the running mean of the weights, per step."""
FAME = 0.35
"""A source with twice as many places to show is shown 2 ** FAME times as often."""
EVEN = 0.25
"""Octaves of a bin over which labels are made even."""
NOTHING = 0.08
"""Share of the patches that have no µm/px."""
LARGE = 0.3
"""Share of the batches that are shown whole; of the others a square of SMALL px is cut out."""
SMALL = 64
OUTER = 0.3
"""A bin outside what most sources can show (``network.COMMON``) is shown so much less often."""


@dataclass(frozen=True)
class Recipe:
    """What decides the weights, beside the pool."""

    fold: str
    steps: int
    batch: int = 64
    rate: float = 2e-3
    seed: int = 0
    start: str = ""
    """Weights of EfficientNet-Lite0; by chance if none."""


def chances(pool: Pool, left_out: tuple[str, ...]) -> NDArray[np.float64]:
    """(N,) how likely each patch is to be drawn.

    The scale first, evenly where most sources can show it; then the source among those that have
    patches of it, by how many places it has to show: so a source tells little about the scale.
    """
    nothing = np.isnan(pool.octaves)
    bins = np.floor(np.nan_to_num(pool.octaves) / EVEN).astype(int)
    first, count = bins.min(), np.zeros((np.ptp(bins) + 1, len(pool.names)))
    np.add.at(count, (bins[~nothing] - first, pool.sources[~nothing]), 1)
    trust = [
        0.0 if name in left_out else 1.0 if sure else DOUBTFUL
        for name, sure in zip(pool.names, pool.sure, strict=True)
    ]
    middles = EVEN * (first + np.arange(len(count)) + 0.5)
    side_mm = pool.patches.shape[1] * 2**middles / 1000
    there = np.maximum(1, np.array(pool.areas) / side_mm[:, None] ** 2)
    share = np.where(count > 0, np.array(trust) * there**FAME, 0)
    share /= np.maximum(share.sum(1, keepdims=True), 1e-9)
    share[(middles < COMMON[0]) | (middles > COMMON[1])] *= OUTER
    found = share[bins - first, pool.sources] / np.maximum(count[bins - first, pool.sources], 1)
    found[nothing] = 0
    found *= (1 - NOTHING * nothing.any()) / found.sum()
    found[nothing] = NOTHING / max(1, nothing.sum())
    return found


def batch_of(pool: Pool, cumulated: NDArray, recipe: Recipe, step: int) -> tuple[Tensor, Tensor]:
    """The step's patches (N, 3, s, s) in 0–1, changed, and their log2 µm/px."""
    rng = np.random.default_rng([recipe.seed, step])
    chosen = np.searchsorted(cumulated, rng.random(recipe.batch))
    chosen = np.minimum(chosen, len(cumulated) - 1)
    shown = pool.patches[chosen]
    if rng.random() >= LARGE:
        y, x = rng.integers(0, max(1, shown.shape[1] - SMALL + 1), 2)
        shown = np.ascontiguousarray(shown[:, y : y + SMALL, x : x + SMALL])
    patches = torch.from_numpy(shown).permute(0, 3, 1, 2)
    generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
    changed = augment(patches.float() / 255, generator)
    return changed.contiguous(memory_format=torch.channels_last), torch.from_numpy(
        pool.octaves[chosen]
    )


@torch.no_grad()
def follow(mean: RulerNet, net: RulerNet, step: int) -> None:
    """Move the running mean towards the network."""
    pace = max(1 - MEMORY, 1 / step)
    for kept, new in zip(mean.state_dict().values(), net.state_dict().values(), strict=True):
        if kept.is_floating_point():
            kept.lerp_(new, pace)
        else:
            kept.copy_(new)


def train(recipe: Recipe, pool: Pool, out: Path) -> RulerNet:
    """Train, or go on training; returns the running mean."""
    torch.manual_seed(recipe.seed)
    net = start_from(Path(recipe.start), held_out(recipe.fold)) if recipe.start else RulerNet()
    net, mean = (x.to(memory_format=torch.channels_last) for x in (net, RulerNet()))
    mean.load_state_dict(net.state_dict())
    optimiser = torch.optim.AdamW(net.parameters(), lr=recipe.rate, weight_decay=0.02)
    pace = torch.optim.lr_scheduler.OneCycleLR(optimiser, recipe.rate, recipe.steps, pct_start=0.1)
    parts = {"net": net, "mean": mean, "optimiser": optimiser, "pace": pace}
    first, state = 0, out / "state.pt"
    if state.exists():
        saved = torch.load(state, weights_only=True)
        first = saved["step"]
        for name, part in parts.items():
            part.load_state_dict(saved[name])
    cumulated = np.cumsum(chances(pool, held_out(recipe.fold)))
    begun, losses = time.monotonic(), []
    for step in range(first + 1, recipe.steps + 1):
        patches, octaves = batch_of(pool, cumulated, recipe, step)
        torch.manual_seed(recipe.seed * 1_000_003 + step)  # of the dropout
        loss = cross_entropy(net(patches), octaves)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimiser.step()
        pace.step()
        follow(mean, net, step)
        losses.append(float(loss.detach()))
        if step % KEEP_EVERY == 0 or step == recipe.steps:
            save(state, {"step": step} | {name: part.state_dict() for name, part in parts.items()})
            minutes = (time.monotonic() - begun) / (step - first) * (recipe.steps - step) / 60
            told = f"{step} of {recipe.steps}, loss {np.mean(losses[-KEEP_EVERY:]):.3f}"
            print(f"{told}, {minutes:.1f} min left", file=sys.stderr, flush=True)
            errors = left_out_errors(mean, pool, recipe.fold)
            line = {"step": step, "loss": round(float(np.mean(losses[-KEEP_EVERY:])), 4)}
            with (out / "curve.jsonl").open("a") as file:
                file.write(json.dumps(line | {"left_out": errors}) + "\n")
    return mean.eval()


@torch.no_grad()
def left_out_errors(net: RulerNet, pool: Pool, fold: str) -> dict[str, float]:
    """Median error in octaves of single patches of each source left out, at common scales.

    Told and kept, to see what more steps bring; nothing is chosen by it.
    """
    net.eval()
    errors = {}
    for name in scored(fold) if fold != "all" else ():
        if name not in pool.names:
            continue
        own = (pool.sources == pool.names.index(name)) & (abs(pool.octaves) < COMMON[1])
        chosen = np.flatnonzero(own)[:: max(1, own.sum() // 256)]
        if len(chosen):
            patches = torch.from_numpy(pool.patches[chosen]).permute(0, 3, 1, 2).float() / 255
            read = medians(torch.log_softmax(net(patches), 1).numpy())
            errors[name] = round(float(np.median(np.abs(read - pool.octaves[chosen]))), 3)
    net.train()
    return errors


def save(path: Path, state: dict) -> None:
    """Whole or not at all."""
    torch.save(state, path.with_suffix(".new"))
    path.with_suffix(".new").replace(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pool", type=Path)
    parser.add_argument("--fold", choices=[*FOLDS, *STRICT, "all"], required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--start", default="", help="of EfficientNet-Lite0, or a ruler")
    parser.add_argument("--steps", type=int, default=5500)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rate", type=float, default=2e-3, help="of learning, at its highest")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.set_num_threads(1)
    args.out.mkdir(parents=True, exist_ok=True)
    recipe = Recipe(args.fold, args.steps, args.batch, args.rate, args.seed, args.start)
    net = train(recipe, open_pool(args.pool), args.out)
    save(args.out / "ruler.pt", {"recipe": asdict(recipe), "weights": net.state_dict()})
    about = json.dumps(asdict(recipe) | {"command": " ".join(sys.argv[1:])}, indent=1)
    (args.out / "about.json").write_text(about + "\n")


if __name__ == "__main__":
    main()
