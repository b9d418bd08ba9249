"""Does `estimate` know when it knows? Data-free answers and verdicts on the model problem.

    for seed in 1 2; do for a in 1.5 2.5 4 5 6.5 8; do for s in decayed constant; do
        wsi-scale thesis train --out nets/seed$seed --scale $a --schedule $s --seed $seed
    done; done; done
    for seed in 0 1 2; do
        wsi-scale thesis train --out nets/seed$seed --scale 4 --jitter 4 --seed $seed
    done
    python benchmarks/model_problem.py gather --networks nets --out build/model_problem
    python benchmarks/model_problem.py tables --out build/model_problem

36 networks (6 training scales, 3 training seeds, 2 schedules; those of seed 0 are shipped) look at

    mixed    slides of all 20 classes: genuine, an answer is due
    single   slides of one class each: content unlike the training mix
    noise    white, blurred and coloured noise
    blank    bare glass with a scanner's noise
    random   mixed slides, after the network lost its weights and kept its BatchNorm statistics

and networks that were trained with scales between a quarter of theirs and four times that look at
mixed slides (``indifferent``). The window is three octaves, its centre 0.3 to 0.9 octaves off the
right scale. What each network answered is kept; tables are made from that, without torch.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from wsi_scale.readers.synthetic import SyntheticSlide
from wsi_scale.thesis.names import SCALES

OCTAVES = 3.0
PER_OCTAVE = 6
SITES = 24
SIDE = 20_000
SEEDS = (0, 1, 2)
SCHEDULES = ("decayed", "constant")
TURNS = {"mixed": 6, "noise": 6, "random": 6, "blank": 6, "single": 20, "indifferent": 70}
"""Slides of a kind that each network sees."""


@dataclass(frozen=True)
class Case:
    """One network and one slide."""

    kind: str
    scale: float
    seed: int
    schedule: str
    turn: int

    @property
    def network(self) -> str:
        jitter = "-jitter-4" if self.kind == "indifferent" else ""
        return f"figures-{self.scale:g}-{self.schedule}{jitter}"

    @property
    def name(self) -> str:
        return f"{self.kind}/seed{self.seed}-{self.network}-{self.turn:02}.npz"

    @property
    def rng(self) -> np.random.Generator:
        kind = sorted(TURNS).index(self.kind)
        constant = self.schedule == "constant"
        return np.random.default_rng([kind, round(self.scale * 10), self.seed, constant, self.turn])

    @property
    def window(self) -> tuple[float, float]:
        """Three octaves that hold the right scale, off their centre."""
        rng = self.rng
        centre = self.scale * 2 ** (rng.choice([-1, 1]) * rng.uniform(0.3, 0.9))
        return centre / 2 ** (OCTAVES / 2), centre * 2 ** (OCTAVES / 2)


def cases(kinds: list[str]) -> Iterator[Case]:
    """All cases, first those of the networks that the package holds."""
    for seed in SEEDS:
        for kind in kinds:
            if kind == "indifferent":
                yield from (Case(kind, 4.0, seed, "decayed", turn) for turn in range(TURNS[kind]))
                continue
            for schedule in SCHEDULES if kind != "single" else SCHEDULES[:1]:
                for turn in range(TURNS[kind]):
                    yield from (Case(kind, a, seed, schedule, turn) for a in SCALES)


def noise(rng: np.random.Generator, turn: int, side: int) -> NDArray[np.uint8]:
    """White, blurred or coloured noise by turns: ``side`` px square."""
    colours = 3 if turn % 3 == 2 else 1
    field = rng.standard_normal((side, side, colours), dtype=np.float32)
    if turn % 3:
        field = gaussian_filter(field, (rng.uniform(2, 12),) * 2 + (0,))
        field /= field.std()
    grey = 128 + rng.uniform(20, 70) * np.broadcast_to(field, (side, side, 3))
    return np.clip(grey, 0, 255).astype(np.uint8)


def slide_of(case: Case) -> SyntheticSlide | NDArray[np.uint8]:
    """What the network is shown."""
    rng = case.rng
    if case.kind in ("noise", "blank"):
        side = min(round(case.window[1] * 224 * 1.3), 8000)
        if case.kind == "noise":
            return noise(rng, case.turn, side)
        glass = rng.uniform(200, 255, 3) + rng.normal(0, 1.5, (side, side, 1))
        return np.clip(glass, 0, 255).astype(np.uint8)
    only = case.turn if case.kind == "single" else None
    seed = 50_000 + int(rng.integers(1_000_000))
    return SyntheticSlide.figures(seed=seed, only=only, width=SIDE, height=SIDE)


def gather(args: argparse.Namespace) -> None:
    """Measure what is not there yet; networks that are not trained yet are left for later."""
    import torch

    from wsi_scale.networks import load_network
    from wsi_scale.networks.untrained import random_weights
    from wsi_scale.pipeline import iter_estimates
    from wsi_scale.settings import Settings
    from wsi_scale.thesis.cards import card_of
    from wsi_scale.thesis.names import FAMILY

    torch.set_num_threads(1)
    for case in cases(args.kinds):
        kept = args.out / case.name
        mine = case.seed in args.seeds and case.schedule in args.schedules
        if not mine or kept.exists():
            continue
        shipped = case.seed == 0 and case.kind != "indifferent"
        folder = args.networks / f"seed{case.seed}" / case.network
        card = card_of(FAMILY[case.network], None) if shipped else folder / "card.toml"
        if not card.exists():
            continue
        network = load_network(str(card), device="cpu")
        if case.kind == "random":
            network = random_weights(network, case.turn)
        network.module.to(memory_format=torch.channels_last)
        settings = Settings(
            sites=SITES,
            scales=case.window,
            per_octave=PER_OCTAVE,
            resamples=0,
            seed=case.turn,
        )
        (last,) = deque(iter_estimates(slide_of(case), network, settings), maxlen=1)
        kept.parent.mkdir(parents=True, exist_ok=True)
        if last.responses is None:
            kept.with_suffix(".blank").touch()
            continue
        last.responses.save(kept)
        print(f"{case.name} {case.scale:g}: {last.estimate.voices}", file=sys.stderr, flush=True)


def main() -> None:
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("step", choices=("gather", "tables"))
    parser.add_argument("--networks", type=Path, default=Path("nets"))
    parser.add_argument("--out", type=Path, default=Path("build/model_problem"))
    parser.add_argument("--kinds", nargs="+", choices=TURNS, default=list(TURNS))
    parser.add_argument("--seeds", nargs="+", type=int, default=SEEDS)
    parser.add_argument("--schedules", nargs="+", default=SCHEDULES)
    args = parser.parse_args()
    {"gather": gather}[args.step](args)


if __name__ == "__main__":
    main()
