"""Trains the witnesses, one after the other; goes on where it stopped.

    python -m benchmarks.witnesses.train DATA [NAME …] --out build/witnesses

DATA: the folder with ``ruler``, ``nuclei``, ``images``. The learning rate falls to zero, so the
BatchNorm statistics belong to the weights.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from benchmarks.witnesses.architectures import BUILDERS
from benchmarks.witnesses.roster import WITNESSES, Witness
from benchmarks.witnesses.tissue import (
    TissueImage,
    classes_of,
    draw_patches,
    images_of,
    taught,
)
from safetensors.torch import save_file
from torch import Tensor, nn

POOLED, SIDE, POOL = 80, 64, 2400
"""Sides of a kept patch and of the part that is shown, and how many are kept."""
STEPS, BATCH, RATE, KEEP_EVERY = 320, 32, 3e-3, 80


def batch_of(patches, labels, witness: Witness, step: int) -> tuple[Tensor, Tensor]:
    """The step's patches (N, 3, s, s) in 0–1, turned and tinted a little, and what they are."""
    rng = np.random.default_rng([witness.seed, 2, step])
    chosen = rng.integers(len(patches), size=BATCH)
    y, x = rng.integers(0, POOLED - SIDE + 1, 2)
    shown = torch.from_numpy(patches[chosen, y : y + SIDE, x : x + SIDE]).permute(0, 3, 1, 2) / 255
    tint = torch.from_numpy(rng.uniform(0.9, 1.1, (BATCH, 3, 1, 1)).astype(np.float32))
    shown = (shown * tint).clamp(0, 1)
    turns, flip = int(rng.integers(4)), rng.random() < 0.5
    shown = turned(shown, turns, flip)
    if labels.ndim == 1:
        return shown, torch.from_numpy(labels[chosen])
    masks = torch.from_numpy(labels[chosen, y : y + SIDE, x : x + SIDE]).float()[:, None]
    return shown, turned(masks, turns, flip)


def turned(x: Tensor, turns: int, flip: bool) -> Tensor:
    x = torch.rot90(x, turns, (2, 3))
    return (x.flip(3) if flip else x).contiguous()


def train(witness: Witness, images: list[TissueImage], out: Path) -> None:
    own = taught(witness, images)
    torch.manual_seed(witness.seed)
    net = BUILDERS[witness.builder](witness.norm, classes_of(witness))
    net = net.to(memory_format=torch.channels_last)  # half the time
    rate = RATE if witness.norm != "layer" else 1e-3
    optimiser = torch.optim.AdamW(net.parameters(), lr=rate, weight_decay=0.01)
    pace = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, STEPS, pct_start=0.1)
    parts = {"net": net, "optimiser": optimiser, "pace": pace}
    state, first = out / f"{witness.name}.state.pt", 0
    if state.exists():
        saved = torch.load(state, weights_only=True)
        first = saved.pop("step")
        for name, part in parts.items():
            part.load_state_dict(saved[name])
    patches, labels = draw_patches(witness, own, POOLED, POOL)
    losses, begun = [], time.monotonic()
    for step in range(first + 1, STEPS + 1):
        shown, wanted = batch_of(patches, labels, witness, step)
        said = net(shown.contiguous(memory_format=torch.channels_last))
        if labels.ndim == 1:
            loss = nn.functional.cross_entropy(said, wanted)
        else:
            loss = nn.functional.binary_cross_entropy_with_logits(said, wanted)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimiser.step()
        pace.step()
        losses.append(float(loss.detach()))
        if step % KEEP_EVERY == 0:
            kept = {name: part.state_dict() for name, part in parts.items()}
            torch.save({"step": step} | kept, state)
            told = f"{witness.name}: {step} of {STEPS}, loss {np.mean(losses[-KEEP_EVERY:]):.3f}"
            print(f"{told}, {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)
    save_file(
        {k: v.contiguous() for k, v in net.state_dict().items()},
        out / f"{witness.name}.safetensors",
    )
    about = asdict(witness) | {
        "loss": round(float(np.mean(losses[-KEEP_EVERY:])), 4),
        "right": round(quality(net.eval(), patches, labels), 4),
        "parameters": sum(p.numel() for p in net.parameters()),
        "images": len(own),
        "seconds": round(time.monotonic() - begun),
    }
    (out / f"{witness.name}.json").write_text(json.dumps(about, indent=1) + "\n")


@torch.no_grad()
def quality(net: nn.Module, patches, labels) -> float:
    """Accuracy, or Dice, on 320 of its own patches."""
    shown = torch.from_numpy(patches[:320, :SIDE, :SIDE]).permute(0, 3, 1, 2) / 255
    said = torch.cat([net(part) for part in shown.split(32)])
    if labels.ndim == 1:
        return float((said.argmax(1).numpy() == labels[:320]).mean())
    found, real = said[:, 0].numpy() > 0, labels[:320, :SIDE, :SIDE]
    return float(2 * (found & real).sum() / max(found.sum() + real.sum(), 1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("names", nargs="*", help="of witnesses; none: all")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    torch.set_num_threads(1)
    args.out.mkdir(parents=True, exist_ok=True)
    images = images_of(args.data)
    for witness in WITNESSES:
        asked = not args.names or witness.name in args.names
        if asked and not (args.out / f"{witness.name}.safetensors").exists():
            train(witness, images, args.out)


if __name__ == "__main__":
    main()
